package engine

// The engine's loop from outside: many callers, cancellation, limits, and the same answers as
// alone.

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl/internal/checkpoint"
	"github.com/qwenvl/qwenvl/internal/family"
	"github.com/qwenvl/qwenvl/internal/pool"
	"github.com/qwenvl/qwenvl/internal/sample"
	"github.com/qwenvl/qwenvl/internal/tensor"
	"github.com/qwenvl/qwenvl/internal/weights"
	"github.com/qwenvl/qwenvl/llm"
	"github.com/qwenvl/qwenvl/preprocess"
	"github.com/qwenvl/qwenvl/rope"
)

const fixture = "../../testdata/qwen2_vl-tiny"

var background = context.Background()

func load(t testing.TB) *llm.Decoder {
	t.Helper()
	from, err := checkpoint.Open(fixture)
	require.NoError(t, err)
	spec, err := family.Load(from)
	require.NoError(t, err)
	src, err := from.Tensors()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	_, names := spec.Find(from, src)
	ld := weights.NewLoader(src, names)
	ld.Ignore("visual.*")
	d, err := llm.New(spec.LLM, ld)
	require.NoError(t, err)
	require.NoError(t, ld.Finish())
	return d
}

// start makes an engine that is closed at the end of the test, by when all of its goroutines must
// be gone.
func start(t testing.TB, o Options) *Engine {
	t.Helper()
	d := load(t)
	before := runtime.NumGoroutine()
	if o.Context == 0 {
		o.Context = 4096
	}
	if o.Tower == nil {
		o.Tower = &tower{jobs: map[*preprocess.Patches]*job{}}
	}
	e := New(d, o)
	t.Cleanup(func() {
		e.Close()
		for range 200 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
	})
	return e
}

// request is n random tokens to continue by most tokens.
func request(t testing.TB, e *Engine, seed uint64, n, most int, jobs ...*job) *Request {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	vocab := e.decoder.Config().VocabSize
	r := &Request{MaxTokens: most}
	for range n {
		r.Tokens = append(r.Tokens, rng.IntN(vocab))
	}
	var err error
	r.Positions, r.Delta, err = rope.Index(n, nil)
	require.NoError(t, err)
	r.Sampler, err = sample.New(sample.Params{}, vocab)
	require.NoError(t, err)
	for i, j := range jobs {
		r.Media = append(r.Media, e.opts.Tower.(*tower).item(j, 1+2*i))
	}
	return r
}

// answer is what a request came to.
type answer struct {
	tokens []int
	err    error
}

// read follows a request to its end. each is called with every event, unless it is nil.
func read(h *Handle, each func(Event)) answer {
	var a answer
	for {
		ev, err := h.Next(background)
		if err != nil {
			return answer{err: err}
		}
		if each != nil {
			each(ev)
		}
		switch ev.Kind {
		case Token:
			a.tokens = append(a.tokens, ev.Token)
		case End:
			a.err = ev.Err
			return a
		}
	}
}

func submit(t testing.TB, e *Engine, ctx context.Context, r *Request) *Handle {
	t.Helper()
	h, err := e.Submit(ctx, r)
	require.NoError(t, err)
	return h
}

// tower runs the jobs that stand behind a test's pictures, each in a pass of its own.
type tower struct {
	mu   sync.Mutex
	jobs map[*preprocess.Patches]*job
}

func (w *tower) item(j *job, at int) *MediaItem {
	grid := rope.Grid{T: 1, H: 128, W: PassPatches / 128}
	pixels := func(ctx context.Context) (*preprocess.Patches, error) {
		if j.pixels != nil {
			if err := j.pixels(ctx); err != nil {
				return nil, err
			}
		}
		p := &preprocess.Patches{Grid: grid}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.jobs[p] = j
		return p, nil
	}
	return &MediaItem{Grid: grid, Spans: []Span{{Start: at, Len: 1}}, Pixels: pixels}
}

func (w *tower) Steps() int { return 3 }

func (w *tower) Begin(media []*preprocess.Patches) Job {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jobs[media[0]]
}

// job is one row of features after some steps. step, unless nil, is called in each, on the
// engine's goroutine.
type job struct {
	steps, done int
	value       float32
	step        func(ex *tensor.Exec) error
	pixels      func(ctx context.Context) error // called when the pixels are wanted
}

func (j *job) Step(ex *tensor.Exec) (bool, error) {
	if j.step != nil {
		if err := j.step(ex); err != nil {
			return false, err
		}
	}
	j.done++
	return j.done == j.steps, nil
}

func (j *job) Features() Features {
	x := tensor.New(1, 64)
	for i := range x.Floats() {
		x.Floats()[i] = j.value
	}
	return Features{Rows: x}
}

// The tokens of a request go on while the long prompt of another is read and its picture encoded.
func TestLongPrefillDoesNotStopDecode(t *testing.T) {
	e := start(t, Options{Threads: 2, Chunk: 8, MaxBatch: 4})
	short := submit(t, e, background, request(t, e, 1, 5, 400))
	var tokens atomic.Int64
	first := make(chan struct{})
	ended := make(chan answer)
	go func() {
		ended <- read(short, func(ev Event) {
			if ev.Kind == Token && tokens.Add(1) == 1 {
				close(first)
			}
		})
	}()
	<-first
	before := tokens.Load()
	long := submit(t, e, background, request(t, e, 2, 1600, 1, &job{steps: 50}))
	require.NoError(t, read(long, nil).err)
	// 50 steps of the picture and 200 chunks of the prompt, each beside a token of the other.
	require.Greater(t, tokens.Load()-before, int64(150))
	a := <-ended
	require.NoError(t, a.err)
	require.Len(t, a.tokens, 400)
}

// A reader who does not read pauses its own request and no other; when it reads on, nothing is
// missing.
func TestSlowReader(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 64, MaxBatch: 4})
	want := read(submit(t, e, background, request(t, e, 1, 9, 500)), nil)
	require.Len(t, want.tokens, 500)

	slow := submit(t, e, background, request(t, e, 1, 9, 500))
	require.Eventually(t, func() bool { return len(slow.events) >= eventRoom-eventReserve }, time.Minute, time.Millisecond)
	require.Len(t, read(submit(t, e, background, request(t, e, 2, 9, 300)), nil).tokens, 300)
	require.LessOrEqual(t, len(slow.events), eventRoom-eventReserve+2)
	require.Equal(t, want, read(slow, nil))

	// One that never reads again is ended by its context.
	ctx, cancel := context.WithCancel(background)
	gone := submit(t, e, ctx, request(t, e, 1, 9, 500))
	require.Eventually(t, func() bool { return len(gone.events) >= eventRoom-eventReserve }, time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, read(gone, nil).err, context.Canceled)
}

// A reader that has given up gets no more of what is waiting for it.
func TestNextAfterCancel(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 16, MaxBatch: 2})
	h := submit(t, e, background, request(t, e, 1, 9, 20))
	require.Eventually(t, func() bool { return len(h.events) > 10 }, time.Minute, time.Millisecond)
	ctx, cancel := context.WithCancel(background)
	cancel()
	for range 10 {
		_, err := h.Next(ctx)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// Ending one request of many leaves the others' tokens as they are, and its cache goes to the next.
func TestCancelOneOfMany(t *testing.T) {
	e := start(t, Options{Threads: 2, Chunk: 16, MaxBatch: 8})
	var want []answer
	for i := range 5 {
		want = append(want, read(submit(t, e, background, request(t, e, uint64(i), 10+40*i, 100)), nil))
	}
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	got := make([]answer, 5)
	var wg sync.WaitGroup
	for i := range got {
		own, each := background, func(Event) {}
		if i == 2 {
			own = ctx
			n := 0
			each = func(ev Event) {
				if ev.Kind == Token {
					if n++; n == 3 {
						cancel()
					}
				}
			}
		}
		h := submit(t, e, own, request(t, e, uint64(i), 10+40*i, 100))
		wg.Go(func() { got[i] = read(h, each) })
	}
	wg.Wait()
	require.ErrorIs(t, got[2].err, context.Canceled)
	require.Less(t, len(got[2].tokens), 100)
	for i := range got {
		if i != 2 {
			require.Equal(t, want[i], got[i], "request %d", i)
		}
	}
}

// A step for one request alone is given up with it; one that others wait for is not.
func TestCancelStopsTheStep(t *testing.T) {
	e := start(t, Options{Threads: 2, Chunk: 16, MaxBatch: 8})
	ctx, cancel := context.WithCancel(background)
	began := make(chan struct{})
	h := submit(t, e, ctx, request(t, e, 1, 10, 1, &job{steps: 1, step: func(ex *tensor.Exec) error {
		close(began)
		for ex.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		return ex.Err()
	}}))
	other := submit(t, e, background, request(t, e, 2, 10, 20))
	<-began
	cancel()
	begin := time.Now()
	require.ErrorIs(t, read(h, nil).err, context.Canceled)
	require.Less(t, time.Since(begin), time.Second)
	require.Len(t, read(other, nil).tokens, 20)
}

// No more than MaxBatch requests are at work; the others follow in the order that they came.
func TestMaxBatch(t *testing.T) {
	for _, most := range []int{1, 3} {
		e := start(t, Options{Threads: 1, Chunk: 16, MaxBatch: most})
		var order []int // written on the engine's goroutine
		largest := 0
		gate := make(chan struct{})
		var wg sync.WaitGroup
		for i := range 10 {
			h := submit(t, e, background, request(t, e, uint64(i), 10, 8, &job{steps: 1, step: func(*tensor.Exec) error {
				<-gate // until all are submitted
				order = append(order, i)
				largest = max(largest, len(e.active))
				return nil
			}}))
			wg.Go(func() {
				if a := read(h, nil); a.err != nil || len(a.tokens) != 8 {
					t.Errorf("request %d: %v", i, a)
				}
			})
		}
		close(gate)
		wg.Wait()
		require.Equal(t, most, largest)
		if most > 1 { // of those at work, one whose pixels are made goes ahead
			slices.Sort(order)
		}
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order)
	}
}

// A request that is cancelled while it waits never starts.
func TestCancelInQueue(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 16, MaxBatch: 1})
	release := make(chan struct{})
	busy := submit(t, e, background, request(t, e, 1, 10, 5, &job{steps: 1, step: func(*tensor.Exec) error { <-release; return nil }}))
	ctx, cancel := context.WithCancel(background)
	waiting := submit(t, e, ctx, request(t, e, 2, 10, 5, &job{steps: 1, step: func(*tensor.Exec) error {
		t.Error("it started")
		return nil
	}}))
	cancel()
	require.Eventually(t, func() bool { // the context has a goroutine of its own
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.queue) == 0 || e.queue[0].cancelled
	}, time.Minute, time.Millisecond)
	close(release)
	require.ErrorIs(t, read(waiting, nil).err, context.Canceled)
	require.Len(t, read(busy, nil).tokens, 5)
}

// Close waits for what runs and what waits, and takes nothing new.
func TestCloseDrains(t *testing.T) {
	e := New(load(t), Options{Threads: 2, Context: 512, Chunk: 16, MaxBatch: 2})
	var handles []*Handle
	for i := range 6 {
		handles = append(handles, submit(t, e, background, request(t, e, uint64(i), 10, 40)))
	}
	closed := make(chan struct{})
	go func() {
		e.Close()
		close(closed)
	}()
	require.Eventually(t, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.closed
	}, 10*time.Second, time.Millisecond)
	_, err := e.Submit(background, request(t, e, 9, 10, 1))
	require.ErrorIs(t, err, ErrClosed)
	for _, h := range handles {
		a := read(h, nil)
		require.NoError(t, a.err)
		require.Len(t, a.tokens, 40)
	}
	<-closed
	e.Close() // a second time is nothing
}

// What fails in a job or in sampling ends its own request only.
func TestFailuresStayWithTheirRequest(t *testing.T) {
	e := start(t, Options{Threads: 2, Chunk: 16, MaxBatch: 8})
	broken := errors.New("broken")
	want := read(submit(t, e, background, request(t, e, 1, 10, 50)), nil)
	good := submit(t, e, background, request(t, e, 1, 10, 50))
	bad := submit(t, e, background, request(t, e, 2, 10, 50, &job{steps: 2, step: func(*tensor.Exec) error { return broken }}))
	nan := submit(t, e, background, request(t, e, 3, 10, 50, &job{steps: 1, value: float32(math.NaN())}))
	require.ErrorIs(t, read(bad, nil).err, broken)
	require.ErrorIs(t, read(nan, nil).err, sample.ErrBadLogits)
	require.Equal(t, want, read(good, nil))
}

// letters allows some tokens, and is complete after a number of them.
type letters struct {
	ids  []int
	left int
}

func (l *letters) Mask(allowed []uint64) {
	clear(allowed)
	for _, id := range l.ids {
		allowed[id/64] |= 1 << (id % 64)
	}
}

func (l *letters) Accept(int) bool {
	l.left--
	return l.left == 0
}

// A constraint that is complete ends the text, as an end token does, also with the last token of
// the limit; one that is not leaves the end to the limit.
func TestConstraintEndsTheText(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 16, MaxBatch: 2})
	other := submit(t, e, background, request(t, e, 2, 9, 30))
	for _, c := range []struct {
		most, left, made int
		stopped          bool
	}{{20, 5, 5, true}, {5, 5, 5, true}, {1, 1, 1, true}, {4, 5, 4, false}} {
		r := request(t, e, 1, 10, c.most)
		r.Sampler.Constrain(&letters{ids: []int{70, 71, 200}, left: c.left})
		var last Event
		a := read(submit(t, e, background, r), func(ev Event) { last = ev })
		require.NoError(t, a.err)
		require.Len(t, a.tokens, c.made)
		require.Subset(t, []int{70, 71, 200}, a.tokens)
		require.Equal(t, c.stopped, last.Stopped)
	}
	require.Len(t, read(other, nil).tokens, 30)
}

// A panic in a step ends what runs and what waits, each with the panic and the stack it came from.
// Nothing new is taken, and Close returns. What was delivered before is not lost.
func TestPanicInTheLoop(t *testing.T) {
	e := start(t, Options{Threads: 2, Chunk: 16, MaxBatch: 3})
	unread := submit(t, e, background, request(t, e, 1, 10, 20))
	full := func() bool { return len(unread.events) == 22 }
	require.Eventually(t, full, time.Minute, time.Millisecond)
	gate, begun := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	bad := &job{steps: 2, step: func(*tensor.Exec) error {
		close(begun)
		<-gate
		panic(errPlanted)
	}}
	handles := []*Handle{submit(t, e, ctx, request(t, e, 1, 10, 20, bad))}
	<-begun
	for i := range 8 { // three are at work, the others wait
		r := request(t, e, uint64(i), 10, 20, &job{steps: 1})
		handles = append(handles, submit(t, e, ctx, r))
	}
	answers := make([]answer, len(handles))
	var wg sync.WaitGroup
	for i, h := range handles {
		wg.Go(func() { answers[i] = read(h, nil) })
	}
	close(gate)
	wg.Wait()
	refused := func() error {
		_, err := e.Submit(ctx, request(t, e, 9, 10, 1))
		return err
	}
	for _, a := range append(answers, answer{err: refused()}) {
		var failed *pool.Panic
		require.ErrorAs(t, a.err, &failed)
		require.ErrorIs(t, a.err, errPlanted)
		require.Contains(t, string(failed.Stack), "TestPanicInTheLoop")
	}
	require.Len(t, read(unread, nil).tokens, 20)
	cancel() // nobody listens any more
	e.Close()
	require.ErrorIs(t, refused(), errPlanted)
}

var errPlanted = errors.New("planted")

// The answer ends with an end token, forced tokens take the place of sampled ones, and progress is
// told in order.
func TestEvents(t *testing.T) {
	e := start(t, Options{Threads: 1, Chunk: 4, MaxBatch: 1})
	free := read(submit(t, e, background, request(t, e, 1, 10, 50)), nil)
	r := request(t, e, 1, 10, 50)
	r.EOS = []int{free.tokens[len(free.tokens)-1]}
	n := 0
	for free.tokens[n] != r.EOS[0] {
		n++
	}
	var stopped bool
	a := read(submit(t, e, background, r), func(ev Event) { stopped = ev.Stopped })
	require.True(t, stopped)
	require.Equal(t, free.tokens[:n+1], a.tokens)

	r = request(t, e, 1, 10, 6, &job{steps: 3, value: 0.5})
	r.Forced = []int{7, 8, 9}
	var seen [][3]int
	a = read(submit(t, e, background, r), func(ev Event) {
		if ev.Kind == Progress {
			seen = append(seen, [3]int{int(ev.Stage), ev.Done, ev.Total})
		}
	})
	require.Equal(t, []int{7, 8, 9}, a.tokens[:3])
	require.Len(t, a.tokens, 6)
	require.Equal(t, [][3]int{{0, 1, 3}, {0, 2, 3}, {0, 3, 3}, {1, 4, 10}, {1, 8, 10}, {1, 10, 10}}, seen)
}

func TestUncheckedRequests(t *testing.T) {
	e := start(t, Options{Threads: 1, Context: 32, Chunk: 4, MaxBatch: 1})
	for name, f := range map[string]func(*Request){
		"no tokens":          func(r *Request) { r.Tokens, r.Positions = nil, nil },
		"nothing to do":      func(r *Request) { r.MaxTokens = 0 },
		"missing positions":  func(r *Request) { r.Positions = r.Positions[:3] },
		"beyond the context": func(r *Request) { r.MaxTokens = 23 },
	} {
		r := request(t, e, 1, 10, 22)
		f(r)
		require.PanicsWithValue(t, "engine: request was not checked", func() { _, _ = e.Submit(background, r) }, name)
	}
	require.Len(t, read(submit(t, e, background, request(t, e, 1, 10, 22)), nil).tokens, 22)
}
