package main

// What the engine was given (ids, positions, grids, pixels), in the shapes in which it is recorded.

import (
	"fmt"

	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
)

// input returns a stage of what the engine was given. Its shape is nil where the prompt has no such
// thing.
func (r *recording) input(name string, want golden.Stage) value {
	switch name {
	case "input_ids":
		v := value{shape: []int{len(r.prompt.Tokens)}, ints: []int64{}}
		for _, id := range r.prompt.Tokens {
			v.ints = append(v.ints, int64(id))
		}
		return v
	case "position_ids":
		return positions(r.prompt.Positions, len(want.Shape))
	case "rope_deltas":
		return value{ints: []int64{int64(r.prompt.Delta)}, shape: []int{1}}
	case "image_grid_thw":
		return grids(r.patches(false))
	case "video_grid_thw":
		return grids(r.patches(true))
	case "pixel_values":
		return pixels(r.patches(false), want.Shape)
	case "pixel_values_videos":
		return pixels(r.patches(true), want.Shape)
	}
	var v value
	for _, m := range r.media(true) {
		v.floats = append(v.floats, float32(m.SecondsPerGrid))
		v.shape = []int{len(v.floats)}
	}
	return v
}

// positions lays positions out by axis, or as one list where a family has one axis.
func positions(p []rope.Position, rank int) value {
	n := len(p)
	if rank == 1 {
		v := value{shape: []int{n}, ints: []int64{}}
		for i, x := range p {
			if x[0] != x[1] || x[0] != x[2] {
				return value{err: fmt.Errorf("token %d has position %v, want one axis", i, x)}
			}
			v.ints = append(v.ints, int64(x[0]))
		}
		return v
	}
	v := value{shape: []int{3, n}, ints: make([]int64, 3*n)}
	for i, x := range p {
		for axis := range x {
			v.ints[axis*n+i] = int64(x[axis])
		}
	}
	return v
}

func grids(media []*preprocess.Patches) value {
	if len(media) == 0 {
		return value{}
	}
	v := value{shape: []int{len(media), 3}}
	for _, m := range media {
		v.ints = append(v.ints, int64(m.Grid.T), int64(m.Grid.H), int64(m.Grid.W))
	}
	return v
}

// pixels lays patches out as the recorded tensor does: as rows [N, Dim], as patches [N, 3, side,
// side], or put together to pictures [n, 3, height, width]. The shape is made of the patches alone,
// so that a wrong one shows.
func pixels(media []*preprocess.Patches, want []int) value {
	if len(media) == 0 {
		return value{}
	}
	n, dim := 0, media[0].Dim
	var data []float32
	for _, m := range media {
		if m.Dim != dim {
			return value{err: fmt.Errorf("patches of %d and %d values", dim, m.Dim)}
		}
		n += m.N
		data = append(data, m.Data...)
	}
	flat := value{floats: data, shape: []int{n, dim}}
	grid := media[0].Grid
	if len(want) != 4 || grid.H == 0 || grid.W == 0 {
		return flat
	}
	side := media[0].Resized.H / grid.H
	if 3*side*side != dim {
		return flat // patches with an axis of time have no such layout
	}
	if want[2] == side && want[3] == side {
		flat.shape = []int{n, 3, side, side}
		return flat
	}
	return pictures(media, side)
}

// pictures puts patches in raster order together to pictures of one size.
func pictures(media []*preprocess.Patches, side int) value {
	g := media[0].Grid
	h, w := g.H*side, g.W*side
	out := make([]float32, len(media)*3*h*w)
	for k, m := range media {
		if m.Grid != g || g.T != 1 {
			return value{err: fmt.Errorf("grids %v and %v do not fit one tensor of pictures", g,
				m.Grid)}
		}
		for i := range m.N {
			y0, x0 := i/g.W*side, i%g.W*side
			for row := range 3 * side {
				channel, y := row/side, y0+row%side
				at := ((k*3+channel)*h+y)*w + x0
				copy(out[at:at+side], m.Data[i*m.Dim+row*side:])
			}
		}
	}
	return value{floats: out, shape: []int{len(media), 3, h, w}}
}
