package grounding

// What keys of objects mean, in whatever way they are spelled: BBox_2D, bbox2d and "bbox-2d" are
// one key.

import (
	"strings"
	"unicode"
)

// role is what the value of a key says of a place.
type role uint8

const (
	noRole role = iota
	boxRole
	pointRole
	quadRole
	anyRole    // as many coordinates as there are: two are a point, four a box
	sizeRole   // a box as its first corner, width and height
	centreRole // a box as its centre, width and height
	labelRole
	pictureRole
)

// roles has the keys as [plain] spells them. Plurals are keys too.
var roles = map[string]role{}

// labelRank orders the keys of labels: the first one that an object has counts.
var labelRank = map[string]int{}

func init() {
	for r, keys := range map[role]string{
		boxRole: "bbox box boundingbox boundbox bndbox detectionbox targetbox objectbox textbox " +
			"bboxxyxy boxxyxy xyxy rect rectangle 边界框 边框 检测框",
		pointRole: "point keypoint center centre centerpoint clickpoint clickposition " +
			"startcoordinate endcoordinate from to start end click tap xy 点 坐标点",
		quadRole: "quad quadbox quadrilateral polygon poly boundingpoly boundingpolygon " +
			"segmentation contour vertices corners",
		anyRole: "coordinate coord location loc position pos region area bounds boundingregion " +
			"startbox endbox startpoint endpoint 坐标 位置 区域",
		sizeRole:   "bboxxywh boxxywh xywh",
		centreRole: "bboxcxcywh boxcxcywh cxcywh",
		pictureRole: "picture image img pic photo imageindex imageid imageidx imagenumber imageno " +
			"imagenum imgindex imgid imgidx pictureindex pictureid picid picindex imagename " +
			"imagefile imagepath imageref imagesource sourceimage 图 图片 图像",
	} {
		for key := range strings.FieldsSeq(keys) {
			roles[key], roles[key+"s"], roles[key+"es"] = r, r, r
		}
	}
	for i, key := range strings.Fields("label name textcontent text sublabel class classname " +
		"category categoryname object objectname title caption description desc tag type " +
		"element elementname target entity content phrase transcription word ref referring " +
		"expression objectref subject component instance part obj item itemname objectlabel " +
		"objecttype objectclass labelname kind role alt arialabel datalabel " +
		"标签 名称 类别 类型 物体 对象 文本 文字 内容 描述") {
		many := key + "s"
		if strings.HasSuffix(key, "s") {
			many = key + "es"
		}
		if stem, ok := strings.CutSuffix(key, "y"); ok {
			many = stem + "ies"
		}
		for _, k := range []string{key, many} {
			roles[k], labelRank[k] = labelRole, i
		}
	}
}

// kindKeys are the labels that also hold for unnamed objects inside: the name of a call does not.
var kindKeys = strings.Fields("label class classname category categoryname object objectname " +
	"objectlabel objectclass objecttype 标签 类别 物体 对象")

// plain spells a key in small letters and digits alone.
func plain(key string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, key)
}

// roleOf returns what a key's value says; numbers at its end do not matter, nor "2d".
func roleOf(key string) role {
	if len(key) > maxKey {
		return noRole
	}
	p := plain(key)
	if r, ok := roles[p]; ok {
		return r
	}
	p = strings.TrimRight(p, "0123456789")
	if stem, ok := strings.CutSuffix(p, "2d"); ok {
		p = strings.TrimRight(stem, "0123456789")
	}
	if r, ok := roles[p]; ok || strings.Contains(p, "3d") {
		return r
	}
	for _, part := range parts {
		if strings.HasSuffix(p, part.name) || part.first && strings.HasPrefix(p, part.name) {
			return part.role
		}
	}
	return noRole
}

// parts are what longer names of coordinates are made with: target_bbox, bbox_pixels.
var parts = []struct {
	name  string
	first bool // also at the beginning
	role  role
}{
	{"bbox", true, boxRole}, {"bboxes", false, boxRole}, {"boundingbox", true, boxRole},
	{"boundingboxes", false, boxRole}, {"polygon", false, quadRole}, {"point", false, pointRole},
	{"points", false, pointRole}, {"coordinate", false, anyRole},
	{"coordinates", false, anyRole}, {"coords", false, anyRole},
}

// places reports whether the role is one of coordinates.
func (r role) places() bool { return r >= boxRole && r <= centreRole }
