// Command _plot draws what bench -curves prints.
//
//	go run . -o ../../../../docs/performance.png FILE.json...
//
// Each file is one format. Measured figures are lines with marks; what the machine's limits allow is dashed in the same color.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"image/color"
	"log"
	"os"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// curves is what is read of a file.
type curves struct {
	Prefill      []point `json:"prefill"`
	Decode       []point `json:"decode"`
	Vision       []point `json:"vision"`
	Bandwidth    float64 `json:"bandwidth_gb_s"`
	Int8         float64 `json:"int8_gops"`
	F32          float64 `json:"f32_gflops"`
	Format       string  `json:"format"`
	VisionFormat string  `json:"vision_format"`
	Threads      int     `json:"threads"`
	CPU          string  `json:"cpu"`
}

type point struct {
	N     float64 `json:"n"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("plot: ")
	out := flag.String("o", "performance.png", "picture to write")
	title := flag.String("title", "", "model, for the title")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("want files of bench -curves")
	}
	var all []curves
	for _, name := range flag.Args() {
		data, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		var c curves
		if err := json.Unmarshal(data, &c); err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		all = append(all, c)
	}
	if err := picture(*out, *title, all); err != nil {
		log.Fatal(err)
	}
}

// panel is one of the plots.
type panel struct {
	title, x, y string
	points      func(*curves) []point
	label       func(*curves) string
	logX, logY  bool
	legendLeft  bool
}

var panels = []panel{
	{title: "Prefill", x: "tokens of the prompt", y: "tokens a second",
		points: func(c *curves) []point { return c.Prefill }, label: func(c *curves) string { return c.Format }, logX: true},
	{title: "Decode", x: "tokens before (depth)", y: "tokens a second",
		points: func(c *curves) []point { return c.Decode }, label: func(c *curves) string { return c.Format }},
	{title: "Vision", x: "patches of a square picture", y: "seconds",
		points: func(c *curves) []point { return c.Vision }, label: func(c *curves) string { return c.VisionFormat }, logX: true, logY: true, legendLeft: true},
}

// Colors that differ also without red and green.
var colors = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff}, color.RGBA{0xcc, 0x79, 0xa7, 0xff}, color.RGBA{0x55, 0x55, 0x55, 0xff},
}

func picture(name, title string, all []curves) error {
	row := make([]*plot.Plot, len(panels))
	for i, p := range panels {
		var err error
		if row[i], err = p.plot(all); err != nil {
			return err
		}
	}
	const width, height, head = 15.5 * vg.Inch, 5 * vg.Inch, 0.45 * vg.Inch
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(100))
	canvas := draw.New(img)
	canvas.SetColor(color.White)
	canvas.Fill(canvas.Rectangle.Path())

	style := row[0].Title.TextStyle
	style.Font.Size = 15
	style.XAlign, style.YAlign = draw.XCenter, draw.YTop
	canvas.FillText(style, vg.Point{X: width / 2, Y: height - 6}, heading(title, all))

	tiles := draw.Tiles{Rows: 1, Cols: len(row), PadTop: head, PadBottom: 8, PadLeft: 8, PadRight: 12, PadX: 22}
	for i, c := range plot.Align([][]*plot.Plot{row}, tiles, canvas)[0] {
		row[i].Draw(c)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// heading says where the figures are from: the limits are the best of all files, which are of one machine.
func heading(title string, all []curves) string {
	var bandwidth, int8s, floats float64
	for _, c := range all {
		bandwidth, int8s, floats = max(bandwidth, c.Bandwidth), max(int8s, c.Int8), max(floats, c.F32)
	}
	threads := "1 thread"
	if n := all[0].Threads; n != 1 {
		threads = fmt.Sprintf("%d threads", n)
	}
	parts := []string{fmt.Sprintf("%s, %s: memory %.0f GB/s, int8 %.0f GOP/s, float32 %.0f GFLOP/s", all[0].CPU, threads, bandwidth, int8s, floats)}
	if title != "" {
		parts = append([]string{title}, parts...)
	}
	return strings.Join(append(parts, "dashed: what these allow"), "; ")
}

func (p panel) plot(all []curves) (*plot.Plot, error) {
	pl := plot.New()
	pl.Title.Text, pl.X.Label.Text, pl.Y.Label.Text = p.title, p.x, p.y
	pl.Title.TextStyle.Font.Size = 15
	for _, axis := range []*plot.Axis{&pl.X, &pl.Y} {
		axis.Label.TextStyle.Font.Size, axis.Tick.Label.Font.Size = 12, 11
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xe2}, color.Gray{0xe2}
	pl.Add(grid)
	pl.Legend.Top, pl.Legend.Left = true, p.legendLeft
	pl.Legend.Padding, pl.Legend.ThumbnailWidth = 2, 26
	pl.Legend.TextStyle.Font.Size = 11

	seen := map[string]bool{}
	ticks := map[float64]bool{}
	for i := range all {
		points, label := p.points(&all[i]), p.label(&all[i])
		if len(points) == 0 || seen[label] {
			continue // a tower's format may be that of another file
		}
		var measured, limit plotter.XYs
		for _, pt := range points {
			measured, limit = append(measured, plotter.XY{X: pt.N, Y: pt.Value}), append(limit, plotter.XY{X: pt.N, Y: pt.Limit})
			ticks[pt.N] = true
		}
		line, marks, err := plotter.NewLinePoints(measured)
		if err != nil {
			return nil, err
		}
		dashed, err := plotter.NewLine(limit)
		if err != nil {
			return nil, err
		}
		hue := colors[len(seen)%len(colors)]
		seen[label] = true
		line.Color, line.Width = hue, vg.Points(2)
		marks.Color, marks.Shape, marks.Radius = hue, draw.CircleGlyph{}, vg.Points(3)
		dashed.Color, dashed.Width, dashed.Dashes = hue, vg.Points(1.5), []vg.Length{vg.Points(5), vg.Points(4)}
		pl.Add(dashed, line, marks)
		pl.Legend.Add(label, line, marks)
		pl.Legend.Add(label+", limit", dashed)
	}
	p.axes(pl, ticks)
	return pl, nil
}
