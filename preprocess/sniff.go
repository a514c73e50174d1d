package preprocess

// Containers by their first bytes: those that are read, and names for what else comes, each with
// what to do about it.

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"
)

// What to do with a file that is not read.
const (
	convertIt = "this container is not read: convert it to PNG or JPEG, or " + bringOne
	renderIt  = "not pixels: render it to PNG, or " + bringOne
	pagesOf   = "a document: render its pages to PNG, or " + bringOne
	bringOne  = "bring a decoder (WithDecoder)"
	framesOf  = "a film, not a picture: give frames of it as a video"
	soundOnly = "sound, not a picture"
	unpackIt  = "an archive, not a picture: unpack it"
	pageOf    = "a web page, perhaps a server's answer in place of the picture"
	textOnly  = "text, not a picture"
	decodeIt  = "a picture as text: decode it from base64, or give it as a data URL"
	fetchIt   = "a stand-in for the file: fetch the file itself (git lfs pull)"
)

// magic is how a container begins.
type magic struct {
	at           int
	bytes        string
	name, advice string
}

// magics are told in this order.
var magics = []magic{
	{0, "II*\x00", "tiff", convertIt}, {0, "MM\x00*", "tiff", convertIt},
	{0, "II+\x00", "tiff", convertIt}, {0, "MM\x00+", "tiff", convertIt},
	{0, "IIRO", "camera raw", convertIt}, {0, "IIRS", "camera raw", convertIt},
	{0, "IIU\x00", "camera raw", convertIt}, {0, "FUJIFILMCCD-RAW", "camera raw", convertIt},
	{0, "\x00\x00\x00\x0cjP  ", "jpeg2000", convertIt}, {0, "\xff\x4f\xff\x51", "jpeg2000", convertIt},
	{0, "\x00\x00\x00\x0cJXL ", "jpegxl", convertIt}, {0, "\xff\x0a", "jpegxl", convertIt},
	{0, "\x00\x00\x01\x00", "ico", convertIt}, {0, "\x00\x00\x02\x00", "cur", convertIt},
	{0, "icns", "icns", convertIt}, {0, "8BPS", "psd", convertIt}, {0, "gimp xcf", "xcf", convertIt},
	{0, "\x76\x2f\x31\x01", "exr", convertIt}, {0, "#?RADIANCE", "hdr", convertIt},
	{0, "DDS ", "dds", convertIt}, {0, "qoif", "qoi", convertIt}, {0, "BPG\xfb", "bpg", convertIt},
	{0, "\x8aMNG", "mng", convertIt}, {0, "\x8bJNG", "jng", convertIt},
	{0, "SIMPLE  =", "fits", convertIt}, {128, "DICM", "dicom", convertIt},
	{0, "\x0a\x05\x01", "pcx", convertIt}, {0, "\x01\xda", "sgi", convertIt},
	{0, "\x59\xa6\x6a\x95", "sun raster", convertIt}, {0, "BLP1", "blp", convertIt},
	{0, "BLP2", "blp", convertIt}, {0, "AT&TFORM", "djvu", pagesOf},
	{0, "/* XPM */", "xpm", convertIt}, {0, "! XPM2", "xpm", convertIt},
	{0, "\xd7\xcd\xc6\x9a", "wmf", renderIt}, {40, " EMF", "emf", renderIt},
	{0, "%!PS", "postscript", renderIt}, {0, "%PDF", "pdf", pagesOf},
	{0, "\x1a\x45\xdf\xa3", "matroska", framesOf}, {8, "AVI ", "avi", framesOf},
	{0, "\x00\x00\x01\xba", "mpeg", framesOf}, {0, "\x00\x00\x01\xb3", "mpeg", framesOf},
	{188, "\x47", "mpeg", framesOf}, {0, "FLV\x01", "flv", framesOf}, {0, "OggS", "ogg", framesOf},
	{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", framesOf},
	{4, "moov", "quicktime", framesOf}, {4, "mdat", "quicktime", framesOf},
	{4, "wide", "quicktime", framesOf}, {4, "pnot", "quicktime", framesOf},
	{8, "WAVE", "wav", soundOnly}, {0, "ID3", "mp3", soundOnly}, {0, "fLaC", "flac", soundOnly},
	{0, "\x1f\x8b", "gzip", unpackIt},
	{0, "PK\x03\x04", "zip", unpackIt}, {0, "PK\x05\x06", "zip", unpackIt},
	{0, "7z\xbc\xaf\x27\x1c", "7z", unpackIt}, {0, "Rar!\x1a\x07", "rar", unpackIt},
	{0, "BZh", "bzip2", unpackIt}, {0, "\xfd7zXZ\x00", "xz", unpackIt},
	{0, "\x28\xb5\x2f\xfd", "zstd", unpackIt}, {257, "ustar", "tar", unpackIt},
	{0, "version https://git-lfs", "git-lfs pointer", fetchIt},
	{0, "data:image/", "data URL", "a URL, not a picture: give it as one (ImageURL)"},
	{0, "/9j/", "base64", decodeIt}, {0, "iVBORw0KGgo", "base64", decodeIt},
	{0, "R0lGODlh", "base64", decodeIt}, {0, "UklGR", "base64", decodeIt},
}

// sniff tells the container by its first bytes. Without a decoder it is not read, and advice says
// what to do; without a name it is not known.
func sniff(data []byte) (name string, read decoder, advice string) {
	has := func(at int, s string) bool {
		return len(data) >= at+len(s) && string(data[at:at+len(s)]) == s
	}
	switch {
	case has(0, "\xff\xd8"):
		return jpegFormat, decodeJPEG, ""
	case has(0, "\x89PNG\r\n\x1a\n"):
		return pngFormat, decodePNG, ""
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return gifFormat, decodeGIF, ""
	case has(0, "RIFF") && has(8, "WEBP"):
		return webpFormat, decodeWebP, ""
	case has(0, "BM"), len(data) >= 4 && isBMPHeader(binary.LittleEndian.Uint32(data)):
		return bmpFormat, decodeBMP, ""
	case has(4, "ftyp"):
		name, advice = isoName(data)
		return name, nil, advice
	}
	for _, m := range magics {
		if !has(m.at, m.bytes) || m.at == 8 && !has(0, "RIFF") || m.at == 188 && !has(0, m.bytes) {
			continue
		}
		if m.name == "matroska" && bytes.Contains(data[:min(64, len(data))], []byte("webm")) {
			return "webm", nil, m.advice
		}
		return m.name, nil, m.advice
	}
	if len(data) > 2 && data[0] == 'P' && strings.IndexByte("1234567fF", data[1]) >= 0 &&
		strings.IndexByte(" \t\r\n#", data[2]) >= 0 {
		return "ppm", nil, convertIt
	}
	if bytes.HasSuffix(data, []byte("TRUEVISION-XFILE.\x00")) {
		return "tga", nil, convertIt
	}
	name, advice = textName(data)
	return name, nil, advice
}

// isoName names a file of ISO's media format by its brands, the major one first.
func isoName(data []byte) (name, advice string) {
	head := data[:min(uint32(len(data)), binary.BigEndian.Uint32(data), 256)]
	var brands []string
	for at := 8; at+4 <= len(head); at += 4 {
		if at != 12 { // the version
			brands = append(brands, string(head[at:at+4]))
		}
	}
	if len(brands) == 0 {
		return "mp4", framesOf
	}
	has := func(known ...string) bool {
		return slices.ContainsFunc(brands, func(b string) bool { return slices.Contains(known, b) })
	}
	heic := []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"}
	switch major := brands[0]; {
	case major == "avif" || major == "avis":
		return "avif", convertIt
	case slices.Contains(heic, major):
		return "heic", convertIt
	case major == "mif1" || major == "msf1" || major == "miaf":
		switch {
		case has("avif", "avis"):
			return "avif", convertIt
		case has(heic...):
			return "heic", convertIt
		}
		return "heif", convertIt
	case major == "crx ":
		return "camera raw", convertIt
	case major == "jxl ":
		return "jpegxl", convertIt
	case major == "qt  ":
		return "quicktime", framesOf
	case strings.HasPrefix(major, "M4A") || strings.HasPrefix(major, "M4B"):
		return "m4a", soundOnly
	}
	return "mp4", framesOf
}

// textName names what is text, by how it begins.
func textName(data []byte) (name, advice string) {
	head := bytes.TrimPrefix(data[:min(len(data), 4096)], []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return "text", textOnly
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	lower := bytes.ToLower(head)
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body", "<script"} {
		if bytes.HasPrefix(lower, []byte(tag)) {
			return "html", pageOf
		}
	}
	if line, _, _ := bytes.Cut(lower, []byte("\n")); bytes.HasPrefix(line, []byte("#define ")) &&
		bytes.Contains(line, []byte("_width ")) {
		return "xbm", convertIt
	}
	if len(lower) > 0 && lower[0] == '<' {
		switch {
		case bytes.Contains(lower, []byte("<svg")):
			return "svg", renderIt
		case bytes.Contains(lower, []byte("<html")):
			return "html", pageOf
		case bytes.HasPrefix(lower, []byte("<?xml")):
			return "xml", textOnly
		}
	}
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		cut := r == utf8.RuneError && n == 1 && len(head) < utf8.UTFMax && !utf8.FullRune(head)
		if r == utf8.RuneError && n == 1 && !cut || r < ' ' && !strings.ContainsRune("\t\r\n\f", r) {
			return "", ""
		}
		if head = head[n:]; len(head) == 0 || cut {
			return "text", textOnly
		}
	}
	return "", ""
}
