"""Makes the files and goldens of this folder with Pillow 13.0.0 and transformers 5.23.0.

    python make_goldens.py IMAGES FIXTURES

IMAGES holds the source pictures (astronaut.jpg, coffee.jpg, chelsea_crop.png, tall.png, tiny.png, formats/,
decoded.safetensors), FIXTURES the checkpoint folders with their cases. Files are written beside this script.
"""
import io, os, gzip, hashlib, json, math, random, struct, sys
import numpy as np
from PIL import Image, ImageOps
SH, FIXTURES = sys.argv[1:3]
OUT = os.path.dirname(os.path.abspath(__file__))
def st_write(path, tensors, separators=(',',':')):
    h={};off=0;blobs=[]
    for k,a in tensors.items():
        b=np.ascontiguousarray(a).tobytes();h[k]={'dtype':{'uint8':'U8','float32':'F32','int64':'I64'}[str(a.dtype)],'shape':list(a.shape),'data_offsets':[off,off+len(b)]};off+=len(b);blobs.append(b)
    hb=json.dumps(h,separators=separators).encode();hb+=b' '*(-len(hb)%8)
    with open(path,'wb') as f: f.write(gzip.compress(struct.pack('<Q',len(hb))+hb+b''.join(blobs),9,mtime=0))
files={}; gold={}
def add(name,data):
    files[name]=data
    im=Image.open(io.BytesIO(data)); gold[name]=np.asarray(ImageOps.exif_transpose(im).convert('RGB'))
def save(im,fmt,**k):
    b=io.BytesIO();im.save(b,fmt,**k);return b.getvalue()
ast=Image.open(SH+'/astronaut.jpg').convert('RGB'); chel=Image.open(SH+'/chelsea_crop.png').convert('RGB'); cof=Image.open(SH+'/coffee.jpg').convert('RGB')
a=ast.crop((170,60,170+149,60+113))
for s,n in ((0,'444'),(1,'422'),(2,'420')):
    add(f'photo_{n}.jpg',save(a,'JPEG',quality=88,subsampling=s))
    add(f'photo_{n}_progressive.jpg',save(cof.crop((200,100,200+121,100+96)),'JPEG',quality=75,subsampling=s,progressive=True))
for w,h in ((1,1),(2,2),(3,3),(4,5),(5,4),(6,1),(1,6),(7,16),(16,17),(33,2)):
    add(f'edge_{w}x{h}_420.jpg',save(chel.crop((60,40,60+w,40+h)),'JPEG',quality=92,subsampling=2))
    add(f'edge_{w}x{h}_422.jpg',save(chel.crop((60,40,60+w,40+h)),'JPEG',quality=92,subsampling=1))
# other samplings: same stream of blocks under another frame header
def patch_sof(d,w,h,samp):
    d=bytearray(d);i=2
    while True:
        m=d[i+1];n=d[i+2]*256+d[i+3]
        if m in(0xc0,0xc1,0xc2):
            d[i+5:i+9]=struct.pack('>HH',h,w)
            for c,s in enumerate(samp): d[i+11+3*c]=s
            return bytes(d)
        i+=2+n
soft=ast.crop((100,100,100+160,100+64)).resize((160,64))
d=save(soft,'JPEG',quality=90,subsampling=1)
add('sampling_440.jpg',patch_sof(d,80,128,(0x12,0x11,0x11)))
add('sampling_440_odd.jpg',patch_sof(d,77,125,(0x12,0x11,0x11)))
d=save(soft,'JPEG',quality=90,subsampling=2)
add('sampling_411.jpg',patch_sof(d,320,32,(0x41,0x11,0x11)))
add('sampling_411_odd.jpg',patch_sof(d,317,29,(0x41,0x11,0x11)))
def patch_adobe(d,t):
    i=d.index(b'Adobe');d=bytearray(d);d[i+11]=t;return bytes(d)
def strip_adobe(d):
    i=d.index(b'Adobe')-4;n=d[i+2]*256+d[i+3];return d[:i]+d[i+2+n:]
cm=a.crop((0,0,75,51)).convert('CMYK')
d=save(cm,'JPEG',quality=90)
add('ycck.jpg',patch_adobe(d,2)); add('cmyk_no_adobe.jpg',strip_adobe(d))
x=np.linspace(0,1,160)[None,:,None]*np.ones((80,1,1)); y=np.linspace(0,1,80)[:,None,None]*np.ones((1,160,1))
sm=np.concatenate([118+20*x*y,128+14*y*(1-x),131-12*x,120+16*np.sin(6*x)*y],2).astype('uint8')
d=save(Image.fromarray(sm,'CMYK'),'JPEG',quality=95)  # 20x10 = 200 blocks x4 = 800 = 80 MCUs of 10
add('cmyk_420.jpg',patch_sof(d,160,128,(0x22,0x11,0x11,0x22)))
add('ycck_420.jpg',patch_adobe(patch_sof(d,157,125,(0x22,0x11,0x11,0x22)),2))
# RGB jpeg (Adobe transform 0)
d=save(a.crop((0,0,50,40)),'JPEG',quality=92,keep_rgb=True); add('rgb_stored.jpg',d)
# XMP orientation
add('xmp_8.jpg',save(a.crop((0,0,40,30)),'JPEG',quality=90,xmp=b'<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'))
ex=Image.Exif(); ex[0x112]=6
add('exif_6.webp',save(a.crop((0,0,40,30)),'WEBP',lossless=True,exif=ex))
# WebP
for q,w,h in ((30,149,113),(90,62,47),(60,1,1),(60,2,3),(60,3,2),(75,17,1),(75,1,18)):
    add(f'lossy_q{q}_{w}x{h}.webp',save(a.crop((0,0,w,h)),'WEBP',quality=q))
al=np.asarray(a.crop((0,0,61,45)).convert('RGBA')).copy(); al[...,3]=(np.add.outer(np.arange(45)*5,np.arange(61)*3)%256)
rgba=Image.fromarray(al,'RGBA')
add('lossy_alpha.webp',save(rgba,'WEBP',quality=80,exact=True))
add('lossless_alpha.webp',save(rgba,'WEBP',lossless=True,exact=True))
fr=[a.crop((i*9,0,i*9+50,40)) for i in range(3)]
add('anim_lossy.webp',save(fr[0],'WEBP',save_all=True,append_images=fr[1:],quality=70,duration=90))
add('anim_lossless.webp',save(fr[0],'WEBP',save_all=True,append_images=fr[1:],lossless=True,duration=90))
# PNG
add('alpha.png',save(rgba,'PNG')); add('la.png',save(rgba.convert('LA'),'PNG'))
g=a.crop((0,0,37,29)).convert('L')
for b in (2,4):
    p=a.crop((0,0,37,29)).quantize(1<<b); add(f'palette_{b}bit.png',save(p,'PNG',bits=b))
add('rgb_trns.png',save(a.crop((0,0,20,15)),'PNG',transparency=a.getpixel((3,3))))
add('gray_trns.png',save(g,'PNG',transparency=g.getpixel((3,3))))
# GIF: transparency, offset frame, frame beyond the screen, grey
p=a.crop((0,0,37,29)).quantize(32)
add('transparent.gif',save(p,'GIF',transparency=5))
def gif_move(d,x,y,sw,sh):
    d=bytearray(d);d[6:10]=struct.pack('<HH',sw,sh);i=13+(3*(2<<(d[10]&7)) if d[10]&0x80 else 0)
    while d[i]!=0x2c:
        assert d[i]==0x21;i+=2
        while d[i]: i+=1+d[i]
        i+=1
    d[i+1:i+5]=struct.pack('<HH',x,y);return bytes(d)
t=save(p,'GIF',transparency=5); o=save(p,'GIF')
add('offset_transparent.gif',gif_move(t,4,3,50,40)); add('offset.gif',gif_move(o,4,3,50,40)); add('beyond.gif',gif_move(o,4,3,20,10))
add('grey.gif',save(g,'GIF')); files['ramp.gif']=save(Image.fromarray((np.arange(300)%256).astype('uint8').reshape(15,20)),'GIF'); add('interlaced.gif',save(p,'GIF',interlace=1))
# BMP
add('one_bit.bmp',save(g.convert('1'),'BMP')); add('rgba32.bmp',save(rgba,'BMP')); add('grey.bmp',save(g,'BMP'))
d=save(a.crop((0,0,21,13)),'BMP'); d=bytearray(d); h=struct.unpack('<i',d[22:26])[0]; d[22:26]=struct.pack('<i',-h); add('top_down.bmp',bytes(d))
for n,b in files.items(): open(f'{OUT}/{n}','wb').write(b)
st_write(OUT+'/extra.safetensors.gz',gold)
# white background: paste with mask
white={}
for n in ('alpha.png','la.png','lossless_alpha.webp','lossy_alpha.webp','rgb_trns.png','transparent.gif','palette_trns.png'):
    src=files.get(n) or open(SH+'/formats/'+n,'rb').read()
    im=Image.open(io.BytesIO(src)).convert('RGBA'); w=Image.new('RGB',im.size,(255,255,255)); w.paste(im,mask=im.split()[3]); white[n]=np.asarray(w)
st_write(OUT+'/white.safetensors.gz',white)
# given formats
for n in os.listdir(SH+'/formats'):
    open(f'{OUT}/{n}','wb').write(open(f'{SH}/formats/{n}','rb').read())
open(OUT+'/decoded.safetensors.gz','wb').write(gzip.compress(open(SH+'/decoded.safetensors','rb').read(),9,mtime=0))
# resize: noise from a linear congruential generator
def noise(w,h):
    n=3*w*h; out=np.empty(n,np.uint8); s=(w*65599+h)&0xffffffff
    for i in range(n):
        s=(s*1664525+1013904223)&0xffffffff; out[i]=s>>24
    return Image.fromarray(out.reshape(h,w,3))
R=random.Random(3); rows=[]
pairs=[(1,1,56,56),(1,1,1,1),(2,1,28,56),(1,7,28,28),(22,35,56,84),(183,130,112,84),(409,304,112,84),(4,781,28,560),(94,125,84,112),(131,87,140,84),(64,48,64,28),(64,48,28,48),(48,64,48,64),(300,200,3,2),(257,27,252,28),(500,3,28,28)]
while len(pairs)<260: pairs.append((R.randint(1,120),R.randint(1,120),R.randint(1,160),R.randint(1,160)))
for w,h,w2,h2 in pairs:
    im=noise(w,h)
    rows.append(f"{w} {h} {w2} {h2} {hashlib.sha256(im.resize((w2,h2),Image.BICUBIC).tobytes()).hexdigest()[:24]} {hashlib.sha256(im.resize((w2,h2),Image.NEAREST).tobytes()).hexdigest()[:24]}")
open(OUT+'/resize.txt','w').write('\n'.join(rows)+'\n')

# pixel_values of two cases of the second generation's fixture
import shutil
t={}
for c in ('tall','tiny'):
    d=open(f'{FIXTURES}/qwen2_vl-tiny/cases/{c}/expected.safetensors','rb').read();n=struct.unpack('<Q',d[:8])[0];v=json.loads(d[8:8+n])['pixel_values']
    t[c]=np.frombuffer(d[8+n+v['data_offsets'][0]:8+n+v['data_offsets'][1]],np.float32).reshape(v['shape'])
    shutil.copyfile(f'{SH}/{c}.png',f'{OUT}/{c}.png')
st_write(OUT+'/pixels.safetensors.gz',t,None)

# smart_resize: hashes of whole sweeps, then random cases
import transformers
base=os.path.dirname(transformers.__file__)+'/models/'
def grab(f):
    s=open(base+f).read(); i=s.index('def smart_resize'); j=min(k for k in (s.find('\n@auto',i),s.find('\nclass ',i),s.find('\ndef ',i+5)) if k>0)
    ns={'math':math}; exec(s[i:j],ns); return ns['smart_resize']
img=grab('qwen2_vl/image_processing_pil_qwen2_vl.py'); vid=grab('qwen3_vl/video_processing_qwen3_vl.py')
out=[]
for factor,lo,hi in ((28,3136,12845056),(32,65536,16777216),(28,3136,9408)):
    H=hashlib.sha256()
    for w in range(1,3001):
        row=[]
        for h in range(1,3001):
            if max(w,h)>200*min(w,h): row+=(0,0); continue
            hh,ww=img(h,w,factor,lo,hi); row+=(ww,hh)
        H.update(struct.pack('<%di'%len(row),*row))
    out.append(f"sweep {factor} {lo} {hi} {H.hexdigest()}")
R=random.Random(9)
def call(f,*a,**k):
    try: h,w=f(*a,**k); return f"{w} {h}"
    except ValueError: return "error error"
for _ in range(500):
    w,h=int(2**R.uniform(0,15)),int(2**R.uniform(0,15)); factor=R.choice((28,32,14)); lo=int(2**R.uniform(0,20)); hi=lo+int(2**R.uniform(0,22))
    out.append(f"image {w} {h} {factor} {lo} {hi} {call(img,h,w,factor,lo,hi)}")
for _ in range(700):
    n=R.randint(1,60); w,h=int(2**R.uniform(0,12)),int(2**R.uniform(0,12)); factor=R.choice((28,32)); lo=int(2**R.uniform(10,20)); hi=lo+int(2**R.uniform(10,25))
    out.append(f"video {n} {w} {h} {factor} {lo} {hi} {call(vid,n,h,w,2,factor,lo,hi)}")
open(OUT+'/smart_resize.txt','w').write('\n'.join(out)+'\n')
