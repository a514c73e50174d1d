package sample

// Rows of scores as transformers leaves them, step for step (testdata/make_rows.py), and the
// look-back at earlier tokens against what it means.

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// options is a generation_config.json of the cases, whose values are all in order.
type options struct {
	DoSample          bool            `json:"do_sample"`
	Temperature       float64         `json:"temperature"`
	TopK              *int            `json:"top_k"`
	TopP              *float64        `json:"top_p"`
	MinP              float64         `json:"min_p"`
	TopH              float64         `json:"top_h"`
	TypicalP          float64         `json:"typical_p"`
	Epsilon           float64         `json:"epsilon_cutoff"`
	Eta               float64         `json:"eta_cutoff"`
	Repetition        float64         `json:"repetition_penalty"`
	EncoderRepetition float64         `json:"encoder_repetition_penalty"`
	NoRepeat          int             `json:"no_repeat_ngram_size"`
	EncoderNoRepeat   int             `json:"encoder_no_repeat_ngram_size"`
	BadWords          [][]int         `json:"bad_words_ids"`
	SequenceBias      [][2]any        `json:"sequence_bias"`
	MinLength         int             `json:"min_length"`
	MinNewTokens      int             `json:"min_new_tokens"`
	ForcedBOS         json.RawMessage `json:"forced_bos_token_id"`
	ForcedEOS         json.RawMessage `json:"forced_eos_token_id"`
	Decay             []float64       `json:"exponential_decay_length_penalty"`
	Suppress          []int           `json:"suppress_tokens"`
	BeginSuppress     []int           `json:"begin_suppress_tokens"`
}

func (o options) params(t *testing.T) Params {
	p := Params{
		RepetitionPenalty: o.Repetition, NoRepeatNGram: o.NoRepeat, MinTokens: o.MinNewTokens,
		Rules: &Rules{
			BadWords: o.BadWords, SuppressTokens: o.Suppress, BeginSuppressTokens: o.BeginSuppress,
			EncoderRepetitionPenalty: o.EncoderRepetition, EncoderNoRepeatNGram: o.EncoderNoRepeat,
			MinLength: o.MinLength, ForcedBOS: ids(t, o.ForcedBOS), ForcedEOS: ids(t, o.ForcedEOS),
		},
	}
	for _, b := range o.SequenceBias {
		var tokens []int
		for _, x := range b[0].([]any) {
			tokens = append(tokens, int(x.(float64)))
		}
		p.Rules.SequenceBias = append(p.Rules.SequenceBias, Bias{tokens, b[1].(float64)})
	}
	if o.Decay != nil {
		p.Rules.DecayStart, p.Rules.DecayFactor = int(o.Decay[0]), o.Decay[1]
	}
	if o.DoSample {
		p.Temperature, p.TopK, p.MinP, p.TopH = 1, 50, o.MinP, o.TopH
		p.TypicalP, p.EpsilonCutoff, p.EtaCutoff = o.TypicalP, o.Epsilon, o.Eta
		if o.Temperature != 0 {
			p.Temperature = o.Temperature
		}
		if o.TopK != nil {
			p.TopK = *o.TopK
		}
		if o.TopP != nil {
			p.TopP = max(*o.TopP, math.SmallestNonzeroFloat64) // 0 is no nucleus at all there
		}
	}
	return p
}

// ids reads a token or a list of them.
func ids(t *testing.T, raw json.RawMessage) (out []int) {
	if raw == nil {
		return nil
	}
	if raw[0] != '[' {
		raw = slices.Concat(json.RawMessage("["), raw, json.RawMessage("]"))
	}
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func TestRowsOfTransformers(t *testing.T) {
	data, err := os.ReadFile("testdata/rows.json")
	require.NoError(t, err)
	var golden struct {
		EOS       []int
		Room      int
		Rows      [][]float32
		Histories [][2][]int
		Cases     []struct {
			Options      options
			History, Row int
			Scores       map[string]*float32
			Probs        map[string]float64
			Best         int
		}
	}
	require.NoError(t, json.Unmarshal(data, &golden))
	changed := 0
	for i, c := range golden.Cases {
		row := golden.Rows[c.Row]
		s := newSampler(t, c.Options.params(t), len(row), golden.Histories[c.History][0]...)
		s.Limit(append(slices.Clone(golden.EOS), -1, len(row)), golden.Room)
		for _, token := range golden.Histories[c.History][1] {
			s.Accept(token)
		}
		want := slices.Clone(row)
		for at, x := range c.Scores {
			token, err := strconv.Atoi(at)
			require.NoError(t, err)
			want[token] = float32(math.Inf(-1))
			if x != nil {
				want[token] = *x
			}
			changed++
		}
		token, err := s.Sample(row)
		require.NoError(t, err)
		require.Equal(t, want, s.scores, "case %d %+v", i, c.Options)
		if c.Probs == nil {
			require.Equal(t, c.Best, token, "case %d", i)
			continue
		}
		best, err := argmax(s.scores)
		require.NoError(t, err)
		kept, sum := s.warp(s.scores, best)
		got := map[string]float64{}
		for _, x := range kept {
			got[strconv.Itoa(int(x.token))] = x.prob / sum
		}
		require.InDeltaMapValues(t, c.Probs, got, 1e-6, "case %d %+v", i, c.Options)
	}
	require.Greater(t, changed, 200)
}

// The runs that would come again are those that searching the whole history finds, also where
// hashes are equal: tokens that differ by the hashes' base make such.
func TestNGramsAgainstSearch(t *testing.T) {
	base := uint64(hashBase)
	for trial := range uint64(120) {
		r := rand.New(rand.NewPCG(trial, 8))
		n, alphabet, asked := 1+r.IntN(5), 1+r.IntN(4), r.IntN(30)
		g := newNGrams(n)
		var history []int
		for len(history) < 80 {
			token := r.IntN(alphabet)
			if trial%3 == 0 {
				token += int(base * uint64(r.IntN(2)))
			}
			history = append(history, token)
			kept := len(history)
			if trial%2 == 1 {
				kept = min(kept, asked)
			}
			g.add(history, kept == len(history))
			var want, got []int
			for end := n; end <= kept && n <= len(history); end++ {
				same := slices.Equal(history[end-n:end-1], history[len(history)-n+1:])
				if last := history[end-1]; same && !slices.Contains(want, last) {
					want = append(want, last)
				}
			}
			g.each(history, func(token int) { got = append(got, token) })
			slices.Sort(want)
			slices.Sort(got)
			told := len(got)
			got = slices.Compact(got)
			if !slices.Equal(want, got) || trial%3 != 0 && told != len(got) {
				t.Fatalf("%d of %v: %v, want %v", n, history, got, want)
			}
		}
	}
}

// A run of placeholders, or any other text that repeats itself, is one run.
func TestNGramsOfALongPrompt(t *testing.T) {
	g := newNGrams(3)
	history := make([]int, 0, 1<<16)
	for len(history) < cap(history) {
		history = append(history, 7)
		g.add(history, true)
	}
	require.Len(t, g.grams, 1)
}

// Rules that leave nothing end with an error, not with a forbidden token.
func TestRulesLeaveNothing(t *testing.T) {
	row := []float32{3, 2, 1}
	for name, p := range map[string]Params{
		"suppressed": {Rules: &Rules{SuppressTokens: []int{0, 1, 2}}},
		"bias":       {Rules: &Rules{SequenceBias: []Bias{{[]int{0}, math.Inf(-1)}, {[]int{1}, math.Inf(-1)}, {[]int{2}, math.Inf(-1)}}}},
		"repeated":   {NoRepeatNGram: 1},
	} {
		for _, temperature := range []float64{0, 1} {
			p.Temperature = temperature
			s := newSampler(t, p, 3, 0, 1, 2)
			_, err := s.Sample(row)
			require.ErrorIs(t, err, ErrNoneAllowed, name)
			_, err = s.Sample([]float32{float32(math.NaN()), 0, 0})
			require.ErrorIs(t, err, ErrBadLogits, name)
		}
	}
}

// What grows with every token stays finite, so that the answer ends.
func TestDecayOfLongAnswers(t *testing.T) {
	s := newSampler(t, Params{Rules: &Rules{DecayFactor: 3}}, 3, 0)
	s.Limit([]int{2}, 2000)
	for range 1500 {
		s.Accept(0)
	}
	for _, end := range []float32{-5, 5} {
		token, err := s.Sample([]float32{9, 1, end})
		require.NoError(t, err)
		require.Equal(t, 2, token)
	}
}

func TestRulesOutOfRange(t *testing.T) {
	nan := math.NaN()
	for name, p := range map[string]Params{
		"top-h":          {TopH: 1.1},
		"typical-p":      {TypicalP: -1},
		"epsilon cutoff": {EpsilonCutoff: nan},
		"eta cutoff":     {EtaCutoff: 2},
		"n-gram":         {NoRepeatNGram: -1},
		"least tokens":   {MinTokens: -1},

		"bad words: 4":       {Rules: &Rules{BadWords: [][]int{{0}, {1, 4}}}},
		"sequence bias: -1":  {Rules: &Rules{SequenceBias: []Bias{{[]int{-1}, 1}}}},
		"sequence bias NaN":  {Rules: &Rules{SequenceBias: []Bias{{[]int{1}, nan}}}},
		"sequence bias +Inf": {Rules: &Rules{SequenceBias: []Bias{{[]int{1}, math.Inf(1)}}}},
		"forced first token": {Rules: &Rules{ForcedBOS: []int{4}}},
		"forced last token":  {Rules: &Rules{ForcedEOS: []int{4}}},
		"encoder repetition": {Rules: &Rules{EncoderRepetitionPenalty: -1}},
		"encoder no-repeat":  {Rules: &Rules{EncoderNoRepeatNGram: -1}},
		"least length":       {Rules: &Rules{MinLength: -1}},
		"factor of decay":    {Rules: &Rules{DecayFactor: nan}},
	} {
		_, err := New(p, 4)
		require.ErrorIs(t, err, ErrParams, name)
		require.ErrorContains(t, err, name)
	}
	if strconv.IntSize > 32 {
		beyond := math.MaxInt
		_, err := New(Params{Rules: &Rules{DecayStart: beyond}}, 4)
		require.ErrorContains(t, err, "start of decay")
	}
}
