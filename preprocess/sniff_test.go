package preprocess

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSniff(t *testing.T) {
	ftyp := func(brands ...string) string {
		return "\x00\x00\x00" + string(rune(12+4*len(brands))) + "ftyp" + brands[0] + "\x00\x00\x00\x00" +
			strings.Join(brands[1:], "") + "\x00\x00\x00\x08mdatavif"
	}
	at := func(n int, s string) string { return strings.Repeat("\x01", n) + s }
	for data, want := range map[string][2]string{
		ftyp("avif", "mif1"): {"avif", convertIt}, ftyp("avis"): {"avif", convertIt},
		ftyp("mif1", "miaf", "avif"): {"avif", convertIt}, ftyp("heic", "mif1"): {"heic", convertIt},
		ftyp("mif1", "heic"): {"heic", convertIt}, ftyp("hevc"): {"heic", convertIt},
		ftyp("mif1"):         {"heif", convertIt},
		ftyp("isom", "avc1"): {"mp4", framesOf}, ftyp("qt  "): {"quicktime", framesOf},
		ftyp("M4A "): {"m4a", soundOnly},
		ftyp("jxl "): {"jpegxl", convertIt}, ftyp("crx "): {"camera raw", convertIt},
		"\x00\x00\x00\x20ftyp":                          {"mp4", framesOf},
		"\x00\x00\x00\x00ftypavif":                      {"mp4", framesOf},
		"\x1a\x45\xdf\xa3\x01\x42\x82\x84webm":          {"webm", framesOf},
		"\x1a\x45\xdf\xa3\x01\x42\x82\x88matroska":      {"matroska", framesOf},
		"RIFF\x00\x00\x00\x00AVI LIST":                  {"avi", framesOf},
		"RIFF\x00\x00\x00\x00WAVEfmt ":                  {"wav", soundOnly},
		"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat":      {"quicktime", framesOf},
		"\x47" + at(187, "\x47"):                        {"mpeg", framesOf},
		"II*\x00\x08":                                   {"tiff", convertIt},
		"\x00\x00\x01\x00\x01\x00":                      {"ico", convertIt},
		"\x00\x00\x00\x0cJXL \r\n\x87\n":                {"jpegxl", convertIt},
		"\xff\x0a\x00":                                  {"jpegxl", convertIt},
		"P6\n1 1\n255\nabc":                             {"ppm", convertIt},
		"8BPS\x00\x01":                                  {"psd", convertIt},
		"%!PS-Adobe":                                    {"postscript", renderIt},
		"<svg xmlns=''>":                                {"svg", renderIt},
		"\xef\xbb\xbf<?xml version='1.0'?><!-- --><svg": {"svg", renderIt},
		"<?xml version='1.0'?><a/>":                     {"xml", textOnly},
		" \n<!DOCTYPE HTML><html>":                      {"html", pageOf},
		"<!-- x --><HTML>":                              {"html", pageOf},
		"\x1f\x8b\x08\x00":                              {"gzip", unpackIt},
		"PK\x03\x04\x14":                                {"zip", unpackIt},
		at(257, "ustar"):                                {"tar", unpackIt},
		"version https://git-lfs.github.com/spec/v1\n":  {"git-lfs pointer", fetchIt},
		"iVBORw0KGgoAAAANSUhEUg":                        {"base64", decodeIt},
		"hello":                                         {"text", textOnly},
		"grüße, 你好":                                     {"text", textOnly},
		"\xff\xfeh\x00i\x00":                            {"text", textOnly},
		strings.Repeat("a", 4095) + "你":                 {"text", textOnly},
		"#define im_width 16\n#define im_height 16":     {"xbm", convertIt},
		"/* XPM */\nstatic char":                        {"xpm", convertIt},
		"\x00\x00\x02TRUEVISION-XFILE.\x00":             {"tga", convertIt},
		"\x01\x02\x03":                                  {"", ""},
		"hello\x00":                                     {"", ""},
		"\xff\xff\xff":                                  {"", ""},
	} {
		name, read, advice := sniff([]byte(data))
		require.Nil(t, read)
		require.Equal(t, want, [2]string{name, advice}, "%q", data)
		_, err := Decode([]byte(data), DecodeOptions{})
		var unsupported *UnsupportedError
		require.ErrorAs(t, err, &unsupported, "%q", data)
		if name != "" {
			require.Equal(t, name, unsupported.Format)
		}
		for n := range data { // no prefix panics, and the decoders of this package know them
			if m, err := Decode([]byte(data[:n]), DecodeOptions{}); m == nil {
				requireTyped(t, err)
			}
		}
	}
	_, err := Decode(make([]byte, 100), DecodeOptions{})
	require.EqualError(t, err, "preprocess: picture: nothing but zero bytes")
	_, err = Decode([]byte(ftyp("heic")), DecodeOptions{})
	require.EqualError(t, err, "preprocess: heic: unsupported: this container is not read: "+
		"convert it to PNG or JPEG, or bring a decoder (WithDecoder)")
}
