package main

// A round beside the tool's own timings: further stages, peers one after the other, the machine's
// limits.

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"
)

// besides is the part of the result that sets ours against the machine and, with -compare, against
// peers.
type besides struct {
	limits
	// Shares are what part of a limit ours reaches: of the bandwidth in decoding, of the arithmetic
	// in prefill and in the tower.
	DecodeShare  float64 `json:"decode_bandwidth_share"`
	PrefillShare float64 `json:"prefill_peak_share"`
	VisionShare  float64 `json:"vision_peak_share,omitempty"`

	// Of one sequence, where decode_tok_s and its share are of a batch.
	Single      float64 `json:"single_decode_tok_s,omitempty"`
	SingleShare float64 `json:"single_decode_bandwidth_share,omitempty"`

	Whole float64      `json:"whole_s,omitempty"` // picture, short text and 64 tokens
	Peers []peerResult `json:"peers,omitempty"`
}

// peerResult is the medians of a peer, and how many times as fast ours is in each of its stages.
type peerResult struct {
	Name string `json:"name"`
	figures
	Ratios map[string]float64 `json:"ratios"`
}

// sideBySide runs what a round has besides the contract's own timings: further stages of ours, the
// peers one after the other, and the machine's limits.
type sideBySide struct {
	runner
	c      config
	peers  []peer
	shape  shape
	dir    string // of the picture's file
	ours   []figures
	theirs [][]figures // of each peer
	limits []limits
}

func newSideBySide(ctx context.Context, c config, threads int, log io.Writer) (*sideBySide, error) {
	s := &sideBySide{runner: runner{ctx, log}, c: c}
	s.shape = shape{prompt: c.prompt, decode: c.decode, batch: c.batch, threads: threads, width: c.width, height: c.height}
	if c.compare == nil {
		return s, nil
	}
	s.peers, s.theirs = c.compare.Peers, make([][]figures, len(c.compare.Peers))
	if c.width == 0 {
		return s, nil
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return nil, err
	}
	s.shape.picture = filepath.Join(s.dir, "picture.png")
	f, err := os.Create(s.shape.picture)
	if err == nil {
		err = errors.Join(png.Encode(f, picture(c.width, c.height)), f.Close())
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *sideBySide) close() {
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// own takes down what the round has timed of a loaded model, and times what only peers are compared
// in.
func (s *sideBySide) own(b *bencher, t timings, visionTokens int) error {
	f := figures{Prefill: t.prefill, Decode: t.decode, Vision: t.vision}
	s.shape.visionTokens = visionTokens
	if len(s.peers) > 0 && s.c.batch > 1 {
		f.Batch = t.decode
		one := *b
		one.c.batch = 1
		prompt, err := one.text(s.c.prompt)
		if err != nil {
			return err
		}
		if _, f.Decode, err = one.generate(prompt); err != nil {
			return err
		}
	}
	if len(s.peers) > 0 && s.c.width > 0 {
		var err error
		if s.shape.text, s.shape.textTokens, err = b.short(); err != nil {
			return err
		}
		// Another picture than before, so that nothing kept from it can help.
		other := picture(s.c.width, s.c.height)
		other.Pix[0] ^= 0xff
		start := time.Now()
		resp, _, err := b.see(other, s.shape.text, wholeTokens)
		if err != nil {
			return err
		}
		f.Whole = time.Since(start).Seconds()
		if got := resp.Usage.CompletionTokens; got != wholeTokens {
			return fmt.Errorf("an answer of %d tokens, want %d", got, wholeTokens)
		}
	}
	s.ours = append(s.ours, f)
	return nil
}

// others runs the peers and finds the machine's limits, while no model of ours is loaded. Memory
// that this takes does not count.
func (s *sideBySide) others(round int, memory *memoryWatch) error {
	debug.FreeOSMemory()
	for i := range s.peers {
		fmt.Fprintf(s.log, "bench: run %d of %d: %s\n", round, s.c.repeat, s.peers[i].Name)
		f, err := s.peers[i].round(&s.runner, s.shape)
		if err != nil {
			return err
		}
		for _, st := range stages {
			if round > 0 && (*st.of(&f) == 0) != (*st.of(&s.theirs[i][0]) == 0) {
				return fmt.Errorf("peer %q: it times %s in some rounds only", s.peers[i].Name, st.name)
			}
		}
		if *f.any() == 0 {
			return fmt.Errorf("peer %q: it times nothing of this shape", s.peers[i].Name)
		}
		s.theirs[i] = append(s.theirs[i], f)
	}
	var found limits
	var err error
	memory.without(func() { found, err = findLimits(s.shape.threads) })
	s.limits = append(s.limits, found)
	return err
}

// any returns the first stage that was timed.
func (f *figures) any() *float64 {
	for _, st := range stages {
		if v := st.of(f); *v != 0 {
			return v
		}
	}
	return &f.Prefill
}

// report writes the medians of all rounds but the first into r, which has those of the contract.
func (s *sideBySide) report(r *result) error {
	w, err := findWork(s.c.model, r.Format, r.VisionFormat)
	if err != nil {
		return err
	}
	r.Bandwidth = over(s.limits, func(l *limits) *float64 { return &l.Bandwidth })
	r.Int8 = over(s.limits, func(l *limits) *float64 { return &l.Int8 })
	r.F32 = over(s.limits, func(l *limits) *float64 { return &l.F32 })
	depth := s.c.prompt + s.c.decode/2
	r.DecodeShare = r.DecodeTokS / w.decodeLimit(r.limits, s.c.batch, depth)
	r.PrefillShare = r.PrefillTokS / w.prefillLimit(r.limits, s.c.prompt)
	if r.VisionS > 0 {
		r.VisionShare = w.visionLimit(r.limits, r.VisionPatch, r.VisionTokens) / r.VisionS
	}
	ours := medians(s.ours)
	r.Whole = ours.Whole
	if ours.Batch > 0 {
		r.Single = ours.Decode
		r.SingleShare = r.Single / w.decodeLimit(r.limits, 1, depth)
	}
	for i, p := range s.peers {
		result := peerResult{p.Name, medians(s.theirs[i]), map[string]float64{}}
		for _, st := range stages {
			if a, b := *st.of(&ours), *st.of(&result.figures); a > 0 && b > 0 {
				result.Ratios[st.name] = round(st.faster(a, b))
			}
		}
		r.Peers = append(r.Peers, result)
	}
	for _, share := range []*float64{&r.DecodeShare, &r.SingleShare, &r.PrefillShare, &r.VisionShare} {
		*share = round(*share)
	}
	return nil
}

// round keeps three digits behind the point.
func round(x float64) float64 { return math.Round(1e3*x) / 1e3 }

// medians of all rounds but the first, stage by stage.
func medians(rounds []figures) figures {
	last := rounds[len(rounds)-1]
	m := figures{Version: last.Version}
	for _, st := range stages {
		*st.of(&m) = over(rounds, st.of)
	}
	for _, f := range rounds {
		m.RSSPeak = max(m.RSSPeak, f.RSSPeak)
	}
	return m
}

// over returns the median of a figure over all rounds but the first.
func over[T any](rounds []T, of func(*T) *float64) float64 {
	var x []float64
	for i := range rounds[1:] {
		x = append(x, *of(&rounds[i+1]))
	}
	return median(x)
}
