package tokenizer

import (
	"fmt"
	"strings"
	"testing"
)

// ordinaryText is about 1 MB of the goldens' natural texts: many scripts, code, numbers,
// punctuation.
func ordinaryText(t testing.TB) string {
	var b strings.Builder
	readLines(t, "goldens.jsonl.gz", func(n int, r goldenRow) {
		if r.Text != nil && len(*r.Text) < 2000 && n <= 120 {
			b.WriteString(*r.Text)
			b.WriteByte('\n')
		}
	})
	return strings.Repeat(b.String(), 1<<20/b.Len()+1)
}

const englishSample = `The image shows a kitchen table with three plates, a bowl of apples and a newspaper from 1987. "Don't move it," she
said, "until I've counted them." func main() { fmt.Println("hello, world") } // 42 lines of code, more or less.
`

// hostileTexts are 1 MB each of what makes careless tokenizers take quadratic time.
func hostileTexts(n int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, n/len(s)) }
	return map[string]string{
		"letter":      fill("a"),
		"spaces":      fill(" "),
		"line_ends":   fill("\n"),
		"space_lines": fill(" \n"),
		"marks":       "a" + fill("\u0301"),
		"mixed_marks": "a" + fill("\u0301\u0327\u0345\u0334"),
		"late_marks":  "a" + fill("\u0301\u0897\u0327"),
		"hangul":      fill("\u1112\u1161\u11ab"),
		"punctuation": fill("!"),
		"apostrophes": fill("'"),
		"digits":      fill("7"),
		"angle":       fill("<"),
		"half_tokens": fill("<|im_start"),
		"specials":    fill("<|im_start|>"),
		"upper_other": fill("\u00aaA"),
		"mark_upper":  fill("\u0301AAAA"),
		"han":         fill("\u4e2d"),
		"invalid":     fill("\xe4\xb8"),
		"random":      fill("qzjxkvbwpyfmcdlhgrsniotae"),
	}
}

func BenchmarkEncode(b *testing.B) {
	texts := map[string]string{
		"goldens": ordinaryText(b),
		"english": strings.Repeat(englishSample, 1<<20/len(englishSample)),
	}
	for name, tok := range map[string]*Tokenizer{"json": full(b), "ranks": fullRanks(b),
		"han": tinyHan(b)} {
		for text, s := range texts {
			b.Run("file="+name+"/text="+text, func(b *testing.B) {
				b.SetBytes(int64(len(s)))
				b.ReportAllocs()
				spans := []Span{{Text: s}}
				var dst []int
				for b.Loop() {
					dst = tok.EncodeSpans(dst[:0], spans)
				}
			})
		}
	}
}

func BenchmarkEncodeHostile(b *testing.B) {
	tok := full(b)
	for name, s := range hostileTexts(1 << 20) {
		b.Run("text="+name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				tok.Encode(s)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	tok := full(b)
	s := ordinaryText(b)
	ids := tok.Encode(s)
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		tok.Decode(ids, true)
	}
}

func BenchmarkParse(b *testing.B) {
	data := readTestdata(b, "qwen3-tokenizer.json.gz")
	ranks := readTestdata(b, "qwen.tiktoken.gz")
	b.Run("file=json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseJSON(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("file=ranks", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseTiktoken(ranks, ImageTagOptions()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMerge compares the two ways to merge a piece; it chose maxShort.
func BenchmarkMerge(b *testing.B) {
	m := &full(b).bpe
	text := strings.Repeat("antidisestablishmentarianismundpneumonoultramikroskopisch", 10)
	for _, n := range []int{8, 16, 32, maxShort} {
		piece := text[:n]
		var dst []int
		var scratch mergeScratch
		b.Run(fmt.Sprintf("by=scan/n=%d", n), func(b *testing.B) {
			for b.Loop() {
				dst = m.encodeShort(dst[:0], piece)
			}
		})
		b.Run(fmt.Sprintf("by=heap/n=%d", n), func(b *testing.B) {
			for b.Loop() {
				dst = m.encodeLong(dst[:0], piece, &scratch)
			}
		})
	}
}
