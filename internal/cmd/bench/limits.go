package main

// What the machine does at best: arithmetic and memory, measured with this library's own kernels.

import (
	"math"
	"time"
	"unsafe"

	"github.com/qwenvl/qwenvl/internal/kernel"
	"github.com/qwenvl/qwenvl/internal/pages"
	"github.com/qwenvl/qwenvl/internal/pool"
)

// limits is what the machine does at the given number of threads, found with our own kernels: so
// the arithmetic is what a product can reach at best, some percent below what the instruction alone
// would do.
type limits struct {
	Bandwidth float64 `json:"bandwidth_gb_s,omitempty"` // reading of memory, 10^9 bytes a second
	Int8      float64 `json:"int8_gops,omitempty"`      // product of 8-bit operands in the caches, 10^9 multiplications and additions a second
	F32       float64 `json:"f32_gflops,omitempty"`     // the same of float32 operands
}

// What a measurement takes; tests take less.
var (
	// readBytes are read to find the bandwidth: far more than caches hold.
	readBytes = 512 << 20
	// limitTime is how long each loop is run again, at least once, and the fastest run counts: a
	// limit is not an average.
	limitTime = 100 * time.Millisecond
)

const (
	// readChunk is what one worker reads at a time.
	readChunk = 1 << 20

	// The product that finds the arithmetic limit fits in a second-level cache.
	limitRows, limitCols, limitInner = 48, 96, 1024
	// limitProducts are made by each worker in a run.
	limitProducts = 16
)

// findLimits measures for about half a second, and longer where only Go code runs.
//
// Errors: the system's, for the memory that is read.
func findLimits(threads int) (l limits, err error) {
	p := pool.New(threads)
	defer p.Close()
	if l.Bandwidth, err = readBandwidth(p); err != nil {
		return limits{}, err
	}
	ops := 2 * float64(limitRows*limitCols*limitInner) * float64(limitProducts*threads)
	l.Int8 = ops / fastest(p, newInt8Loop(threads), limitProducts*threads) / 1e9
	l.F32 = ops / fastest(p, newF32Loop(threads), limitProducts*threads) / 1e9
	return l, nil
}

// fastest returns the seconds of the fastest of some runs of n items.
func fastest(p *pool.Pool, t pool.Task, n int) float64 {
	best := math.Inf(1)
	for begin := time.Now(); ; {
		start := time.Now()
		p.Run(t, n)
		best = min(best, time.Since(start).Seconds())
		if time.Since(begin) > limitTime {
			return best
		}
	}
}

// readLoop reads a buffer in chunks and does next to nothing with them: a maximum.
type readLoop struct {
	x    []float32
	sink []float32 // of each chunk
}

func (r *readLoop) Do(_, i int) { r.sink[i] = kernel.Max(r.x[i*(readChunk/4):][:readChunk/4]) }

// streamLoop reads it as weights for one row, which are asked for in advance: on some processors
// that is faster.
type streamLoop struct {
	memory []byte
	of     []int8Product
}

const streamCols = readChunk / limitInner

func newStreamLoop(memory []byte, threads int) *streamLoop {
	l := &streamLoop{memory, make([]int8Product, threads)}
	for i := range l.of {
		l.of[i] = newInt8Product(1, streamCols, limitInner)
	}
	return l
}

func (l *streamLoop) Do(worker, i int) {
	p := l.of[worker]
	p.panels = l.memory[i*readChunk:][:readChunk]
	p.run(1, streamCols, limitInner)
}

// fillLoop writes the buffer, so that it has pages of its own.
type fillLoop struct{ x []float32 }

func (f fillLoop) Do(_, i int) {
	for j, part := 0, f.x[i*(readChunk/4):][:readChunk/4]; j < len(part); j++ {
		part[j] = 1
	}
}

// readBandwidth reads memory that lies as packed weights do, in large pages where the system has
// them.
func readBandwidth(p *pool.Pool) (float64, error) {
	r, err := pages.New(readBytes)
	if err != nil {
		return 0, err
	}
	x := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(r.Bytes()))), readBytes/4)
	p.Run(fillLoop{x}, readBytes/readChunk)
	s := fastest(p, &readLoop{x: x, sink: make([]float32, readBytes/readChunk)}, readBytes/readChunk)
	s = min(s, fastest(p, newStreamLoop(r.Bytes(), p.Threads()), readBytes/readChunk))
	return float64(readBytes) / s / 1e9, r.Free()
}

// int8Loop multiplies quantized rows by packed weights, each worker its own.
type int8Loop struct{ of []int8Product }

type int8Product struct {
	y, qscale, scales []float32
	q                 []int8
	sums              []int32
	panels            []uint8
}

func newInt8Loop(threads int) *int8Loop {
	l := &int8Loop{make([]int8Product, threads)}
	w := ones(limitCols * limitInner)
	for i := range l.of {
		p := newInt8Product(limitRows, limitCols, limitInner)
		panels, _ := kernel.PackedInt8Len(limitCols, limitInner)
		p.panels = make([]uint8, panels)
		for row := 0; row < limitCols; row += kernel.PanelRows {
			kernel.PackInt8(p.panels, p.scales, w[row*limitInner:][:kernel.PanelRows*limitInner], row, limitCols, limitInner)
		}
		l.of[i] = p
	}
	return l
}

func (l *int8Loop) Do(worker, _ int) { l.of[worker].run(limitRows, limitCols, limitInner) }

// newInt8Product quantizes rows of ones, and has no panels yet.
func newInt8Product(rows, cols, inner int) int8Product {
	_, scales := kernel.PackedInt8Len(cols, inner)
	groups := rows * kernel.QuantizedGroups(inner)
	p := int8Product{y: make([]float32, rows*cols), qscale: make([]float32, groups), scales: make([]float32, scales),
		q: make([]int8, rows*kernel.QuantizedStride(inner)), sums: make([]int32, groups*kernel.SumsPerGroup)}
	kernel.QuantizeRows(p.q, p.qscale, p.sums, ones(rows*inner), inner, rows, inner)
	return p
}

func (p *int8Product) run(rows, cols, inner int) {
	kernel.MatMulInt8(p.y, cols, p.q, p.qscale, p.sums, rows, p.panels, p.scales, 0, cols/kernel.PanelRows, cols, inner)
}

// f32Loop is int8Loop for float32.
type f32Loop struct{ of []f32Product }

type f32Product struct{ y, x, w []float32 }

func newF32Loop(threads int) *f32Loop {
	l := &f32Loop{make([]f32Product, threads)}
	for i := range l.of {
		l.of[i] = f32Product{make([]float32, limitRows*limitCols), ones(limitRows * limitInner), ones(limitInner * limitCols)}
	}
	return l
}

func (l *f32Loop) Do(worker, _ int) {
	p := &l.of[worker]
	kernel.MatMulPanel(p.y, limitCols, p.x, limitInner, limitRows, p.w, limitCols, limitCols, limitInner, false)
}

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}
