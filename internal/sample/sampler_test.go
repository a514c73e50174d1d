package sample

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func newSampler(t testing.TB, p Params, vocab int, seen ...int) *Sampler {
	t.Helper()
	s, err := New(p, vocab)
	require.NoError(t, err)
	s.Observe(seen)
	return s
}

func randomRow(n int, scale float64, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	row := make([]float32, n)
	for i := range row {
		row[i] = float32(r.NormFloat64() * scale)
	}
	return row
}

func TestValidate(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := []Params{{}, {Temperature: 1, TopK: 1, TopP: 1, MinP: 1, RepetitionPenalty: 1.2, PresencePenalty: -2, FrequencyPenalty: 2, Seed: 1 << 63},
		{Temperature: 1e-9, TopK: math.MaxInt32, TopP: 1e-9, MinP: 1e-9, RepetitionPenalty: 0.5}}
	for _, p := range good {
		require.NoError(t, p.Validate())
	}
	for _, v := range []float64{nan, inf, -inf, -1e9, 1e9} {
		for name, p := range map[string]Params{
			"temperature": {Temperature: v}, "top-p": {TopP: v}, "min-p": {MinP: v},
			"repetition": {RepetitionPenalty: v}, "presence": {PresencePenalty: v}, "frequency": {FrequencyPenalty: v},
		} {
			_, err := New(p, 4)
			require.ErrorIs(t, err, ErrParams, "%s %v", name, v)
			require.ErrorContains(t, err, name)
		}
	}
	for _, p := range []Params{{TopK: -1}, {TopP: 1.01}, {MinP: -0.1}, {MinP: 1.1}, {Temperature: -1}, {RepetitionPenalty: -1}} {
		require.ErrorIs(t, p.Validate(), ErrParams)
	}
	require.Panics(t, func() { _, _ = New(Params{}, 0) })
}

func TestGreedy(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, c := range map[string]struct {
		row  []float32
		want int
	}{
		"best":          {[]float32{1, 3, 2}, 1},
		"tie":           {[]float32{1, 3, 3, 3}, 1},
		"first":         {[]float32{5}, 0},
		"negative":      {[]float32{-3, -1, -2}, 1},
		"masked":        {[]float32{-inf, -1e38, -inf}, 1},
		"zero_and_zero": {[]float32{float32(math.Copysign(0, -1)), 0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			// The least temperature, the smallest nucleus and one candidate all give the greedy
			// token.
			for _, p := range []Params{{}, {Temperature: 1e-9, Seed: 7}, {Temperature: 1, TopP: 1e-12}} {
				if name == "tie" && p.Temperature == 1e-9 || name == "zero_and_zero" && p.Temperature == 1e-9 {
					continue // equals share the draw
				}
				before := slices.Clone(c.row)
				got, err := newSampler(t, p, len(c.row)).Sample(c.row)
				require.NoError(t, err)
				require.Equal(t, c.want, got, "%+v", p)
				require.Equal(t, before, c.row, "the row is the caller's")
			}
		})
	}
}

func TestBadLogits(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, row := range [][]float32{{nan, 1, 2}, {1, 2, nan}, {1, inf, 2}, {-inf, -inf, -inf}, {nan, nan, nan}} {
		for _, p := range []Params{{}, {Temperature: 1}, {Temperature: 1, TopK: 2, TopP: 0.5, MinP: 0.1, RepetitionPenalty: 1.5}} {
			_, err := newSampler(t, p, 3, 0, 1, 2).Sample(row)
			require.ErrorIs(t, err, ErrBadLogits, "%v", row)
		}
	}
	require.Panics(t, func() { _, _ = newSampler(t, Params{}, 3).Sample([]float32{1}) })
}

func TestPenalties(t *testing.T) {
	row := []float32{2, 1.9, -1, -1.1}
	for name, c := range map[string]struct {
		p         Params
		prompt    []int
		generated []int
		want      []float32
	}{
		"none":                   {Params{}, []int{0, 2}, []int{0}, []float32{2, 1.9, -1, -1.1}},
		"repetition":             {Params{RepetitionPenalty: 2}, []int{0, 2, 0, 0}, nil, []float32{1, 1.9, -2, -1.1}},
		"repetition_generated":   {Params{RepetitionPenalty: 2}, []int{0}, []int{3, 3}, []float32{1, 1.9, -1, -2.2}},
		"repetition_below_1":     {Params{RepetitionPenalty: 0.5}, []int{0, 2}, nil, []float32{4, 1.9, -0.5, -1.1}},
		"presence_not_prompt":    {Params{PresencePenalty: 1}, []int{0, 1}, nil, []float32{2, 1.9, -1, -1.1}},
		"presence":               {Params{PresencePenalty: 1}, []int{0}, []int{1, 1}, []float32{2, 0.9, -1, -1.1}},
		"frequency":              {Params{FrequencyPenalty: 0.5}, nil, []int{1, 1, 2}, []float32{2, 0.9, -1.5, -1.1}},
		"all":                    {Params{RepetitionPenalty: 2, PresencePenalty: 1, FrequencyPenalty: 0.5}, []int{0}, []int{1}, []float32{1, -0.55, -1, -1.1}},
		"outside_the_vocabulary": {Params{RepetitionPenalty: 2, PresencePenalty: 1}, []int{-1, 4, math.MaxInt}, []int{-5, 9}, []float32{2, 1.9, -1, -1.1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSampler(t, c.p, len(row), c.prompt...)
			for _, id := range c.generated {
				require.False(t, s.Accept(id))
			}
			_, err := s.Sample(row)
			require.NoError(t, err)
			require.InDeltaSlice(t, c.want, s.scores, 1e-6)
		})
	}
}

// filters is what transformers' TopK-, TopP- and MinPLogitsWarper do, written the way they are:
// sort in ascending order, cumulate, remove. It returns the probabilities left.
func filters(row []float32, p Params) []float64 {
	n := len(row)
	out := make([]float64, n)
	order := make([]int, n) // ascending; of equals the higher token first
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if row[a] != row[b] {
			if row[a] < row[b] {
				return -1
			}
			return 1
		}
		return b - a
	})
	softmax := func() {
		sum := 0.0
		for i := range out {
			sum += out[i]
		}
		for i := range out {
			out[i] /= sum
		}
	}
	for i, v := range row {
		out[i] = math.Exp(float64(v-row[order[n-1]]) / p.Temperature)
	}
	if p.TopK > 0 && p.TopK < n {
		limit := row[order[n-p.TopK]]
		for i, v := range row {
			if v < limit {
				out[i] = 0
			}
		}
	}
	softmax()
	if p.TopP > 0 && p.TopP < 1 {
		cumulated := 0.0
		for _, i := range order[:n-1] {
			if cumulated += out[i]; cumulated <= 1-p.TopP {
				out[i] = 0
			}
		}
		softmax()
	}
	if p.MinP > 0 {
		best := slices.Max(out)
		for i := range out {
			if out[i] < p.MinP*best {
				out[i] = 0
			}
		}
		softmax()
	}
	return out
}

// The tokens kept and their weights are those of transformers' warpers.
func TestFiltersAsTransformers(t *testing.T) {
	for trial := range uint64(300) {
		r := rand.New(rand.NewPCG(trial, 2))
		row := randomRow(1+r.IntN(300), []float64{0.1, 1, 5}[trial%3], trial)
		if trial%4 == 0 { // many equals
			for i := range row {
				row[i] = float32(math.Round(float64(row[i])))
			}
		}
		p := Params{Temperature: []float64{0.3, 1, 2}[r.IntN(3)], TopK: r.IntN(40), TopP: float64(r.IntN(11))/10 + 0.0317, MinP: float64(r.IntN(5)) / 9, Seed: trial}
		if p.TopP > 1 {
			p.TopP = 1
		}
		want := filters(row, p)
		s := newSampler(t, p, len(row))
		id, err := s.Sample(row)
		require.NoError(t, err)
		require.Positive(t, want[id], "%+v", p)
		got := make([]float64, len(row))
		for range 400 {
			id, err := s.Sample(row)
			require.NoError(t, err)
			require.Positive(t, want[id], "trial %d token %d %+v", trial, id, p)
			got[id]++
		}
		for i, w := range want {
			require.InDelta(t, w, got[i]/400, 5*math.Sqrt(w*(1-w)/400)+0.008, "trial %d token %d %+v", trial, i, p)
		}
	}
}

// 200 000 draws follow the softmax: chi-square over 40 cells, 39 degrees of freedom, 0.1 % point
// 72.05.
func TestDistribution(t *testing.T) {
	row := randomRow(40, 1, 5)
	for _, temperature := range []float64{0.7, 1, 1.6} {
		s := newSampler(t, Params{Temperature: temperature, Seed: 42}, len(row))
		want := filters(row, Params{Temperature: temperature})
		const n = 200_000
		got := make([]float64, len(row))
		for range n {
			id, err := s.Sample(row)
			require.NoError(t, err)
			got[id]++
		}
		chi := 0.0
		for i := range got {
			chi += (got[i] - n*want[i]) * (got[i] - n*want[i]) / (n * want[i])
		}
		require.Less(t, chi, 72.05)
		require.Greater(t, chi, 12.0, "too good to be random")
	}
}

// The same seed gives the same tokens, on every machine and in every version; another seed gives
// others.
func TestSeed(t *testing.T) {
	row := randomRow(1000, 1, 9)
	draw := func(seed uint64) (ids []int) {
		s := newSampler(t, Params{Temperature: 1, TopP: 0.95, Seed: seed}, len(row))
		for range 8 {
			id, err := s.Sample(row)
			require.NoError(t, err)
			ids = append(ids, id)
		}
		return ids
	}
	require.Equal(t, draw(1), draw(1))
	require.NotEqual(t, draw(1), draw(2))
	require.Equal(t, []int{913, 755, 884, 869, 735, 373, 929, 694}, draw(1))
}

// cut agrees with sorting, whatever the order and however many are equal.
func TestCut(t *testing.T) {
	for trial := range uint64(500) {
		r := rand.New(rand.NewPCG(trial, 3))
		c := make([]candidate, 1+r.IntN(200))
		for i := range c {
			c[i] = candidate{token: int32(i), logit: float32(r.IntN(1 + int(trial%50))), prob: float64(1 + r.IntN(8))}
		}
		r.Shuffle(len(c), func(i, j int) { c[i], c[j] = c[j], c[i] })
		sorted := slices.Clone(c)
		slices.SortFunc(sorted, func(a, b candidate) int {
			if before(a, b) {
				return -1
			}
			return 1
		})
		total := 0.0
		for _, x := range c {
			total += x.prob
		}
		for _, need := range []float64{0, 1, total / 3, total - 1, total, total + 1} {
			want, reached := sorted[len(c)-1], total
			sum := 0.0
			for _, x := range sorted {
				if sum += x.prob; sum >= need {
					want, reached = x, sum
					break
				}
			}
			got, with := cut(slices.Clone(c), need, probability)
			require.Equal(t, want, got)
			require.Equal(t, reached, with)
		}
	}
}

type only struct {
	ids  []int
	last int
}

func (o *only) Mask(allowed []uint64) {
	clear(allowed)
	for _, id := range o.ids {
		allowed[id/64] |= 1 << (id % 64)
	}
}

func (o *only) Accept(id int) bool { o.last = id; return id == o.ids[0] }

func TestConstraint(t *testing.T) {
	row := randomRow(130, 1, 4)
	row[77], row[129] = 50, float32(math.Inf(-1))
	for _, p := range []Params{{}, {Temperature: 1}, {Temperature: 1, TopK: 5, TopP: 0.9, MinP: 0.01}} {
		s := newSampler(t, p, len(row))
		c := &only{ids: []int{3, 64, 128}, last: -1}
		s.Constrain(c)
		hit := map[int]bool{}
		for range 100 {
			id, err := s.Sample(row)
			require.NoError(t, err)
			require.Contains(t, c.ids, id)
			require.Equal(t, id == 3, s.Accept(id))
			require.Equal(t, id, c.last)
			hit[id] = true
		}
		require.Equal(t, p.Temperature > 0, len(hit) > 1)
		c.ids = []int{129}
		_, err := s.Sample(row)
		require.ErrorIs(t, err, ErrNoneAllowed)
		c.ids = nil
		_, err = s.Sample(row)
		require.ErrorIs(t, err, ErrNoneAllowed)
		s.Constrain(nil)
		id, err := s.Sample(row)
		require.NoError(t, err)
		require.Equal(t, 77, id)
		require.False(t, s.Accept(id))
	}
}

const vocabulary = 151_936

var settings = map[string]Params{
	"greedy":     {},
	"penalties":  {RepetitionPenalty: 1.1, PresencePenalty: 0.5, FrequencyPenalty: 0.5},
	"usual":      {Temperature: 0.7, TopK: 20, TopP: 0.8, RepetitionPenalty: 1.05},
	"whole":      {Temperature: 1},
	"nucleus":    {Temperature: 1.5, TopP: 0.95, MinP: 1e-6},
	"flat":       {Temperature: 1e4, TopP: 0.99},
	"large_topk": {Temperature: 1e4, TopK: 70_000, TopP: 0.5},
	"cutoffs": {Temperature: 1, TopH: 0.9, TopP: 0.95, TypicalP: 0.9, EpsilonCutoff: 1e-4,
		EtaCutoff: 1e-3},
	"rules": {Temperature: 0.7, TopK: 20, MinTokens: 1 << 20, Rules: &Rules{
		BadWords: [][]int{{5}, {6, 7}}, SequenceBias: []Bias{{[]int{8}, 1}, {[]int{9, 8}, 1}},
		SuppressTokens: []int{10}, EncoderRepetitionPenalty: 1.1,
	}},
}

func TestNoAllocations(t *testing.T) {
	row := randomRow(vocabulary, 3, 1)
	for name, p := range settings {
		s := newSampler(t, p, vocabulary, 1, 2, 3)
		s.Constrain(&only{ids: []int{1, 2, 3, 70_000}})
		if s.rules != nil { // which remember every token
			s.rules.history = slices.Grow(s.rules.history, 100)
		}
		for _, c := range []Constraint{nil, s.constraint} {
			s.Constrain(c)
			require.Zero(t, testing.AllocsPerRun(3, func() {
				id, err := s.Sample(row)
				if err != nil {
					t.Fatal(err)
				}
				s.Accept(id)
			}), name)
		}
	}
}

func BenchmarkSample(b *testing.B) {
	row := randomRow(vocabulary, 3, 1)
	for name, p := range settings {
		b.Run(name, func(b *testing.B) {
			s := newSampler(b, p, vocabulary, 1, 2, 3)
			for b.Loop() {
				if _, err := s.Sample(row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzSample: any parameters, rules and logits give a token of finite logit that is not suppressed,
// or a typed error.
func FuzzSample(f *testing.F) {
	f.Add(0.7, 20, 0.8, 0.05, 1.1, 0.5, 0.5, []byte{0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 128, 255, 0, 0, 192, 127},
		0.5, 0.9, 0.01, 0.02, 2, []byte{1, 2, 0, 3})
	f.Add(1.0, 0, 1.0, 0.0, 0.0, -2.0, 0.0, []byte{0, 0, 0, 0, 0, 0, 0, 0}, 0.0, 0.0, 0.0, 0.0, 0, []byte{})
	f.Fuzz(func(t *testing.T, temperature float64, k int, topP, minP, rep, pres, freq float64, raw []byte,
		topH, typical, epsilon, eta float64, again int, rules []byte,
	) {
		row := make([]float32, len(raw)/4)
		for i := range row {
			row[i] = math.Float32frombits(uint32(raw[4*i]) | uint32(raw[4*i+1])<<8 | uint32(raw[4*i+2])<<16 | uint32(raw[4*i+3])<<24)
		}
		if len(row) == 0 {
			return
		}
		p := Params{
			Temperature: temperature, TopK: k, TopP: topP, MinP: minP, RepetitionPenalty: rep,
			PresencePenalty: pres, FrequencyPenalty: freq,
			TopH: topH, TypicalP: typical, EpsilonCutoff: epsilon, EtaCutoff: eta, NoRepeatNGram: again,
		}
		suppressed := -1
		if len(rules) > 3 {
			suppressed = int(rules[0])
			last := []int{int(rules[1]), int(rules[2])}
			p.Rules = &Rules{
				SuppressTokens: []int{suppressed}, BadWords: [][]int{last, last[:1]},
				SequenceBias:             []Bias{{last, float64(rules[3]) - 128}},
				EncoderRepetitionPenalty: float64(rules[3]) / 99, MinLength: int(rules[1]),
				DecayFactor: float64(rules[2]), ForcedEOS: []int{int(rules[0])},
			}
		}
		s, err := New(p, len(row))
		if err != nil {
			require.ErrorIs(t, err, ErrParams)
			return
		}
		s.Observe([]int{0})
		s.Limit([]int{0, len(row) - 1}, 3)
		for range 4 {
			id, err := s.Sample(row)
			if err != nil {
				require.True(t, errors.Is(err, ErrBadLogits) || p.Rules != nil || again > 0, "%v", err)
				return
			}
			require.False(t, math.IsInf(float64(s.scores[id]), 0) || row[id] != row[id])
			require.NotEqual(t, suppressed, id)
			s.Accept(id)
		}
	})
}
