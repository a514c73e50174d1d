package docs_test

// A list of all stages of a request, to be compared between two versions of the code: debugging.md
// shows how. It runs as a test so that -overlay and other instruction sets work as for any test.

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/hooks"
	"github.com/qwenvl/qwenvl/internal/tensor"
)

// What TestStages runs; paths are relative to the root of the repository.
var (
	stagesModel   = flag.String("model", "internal/tiny/model", "folder of a checkpoint")
	stagesPicture = flag.String("picture", "testdata/digits.png", "a picture, or nothing")
	stagesAsk     = flag.String("ask", "Read the text.", "a question")
	stagesTokens  = flag.Int("tokens", 4, "tokens to generate")
	stagesRows    = flag.String("rows", "", "a stage to print row by row")
)

// stages collects the rows of each stage, in the order in which stages were seen first.
type stages struct {
	names []string
	rows  map[string][]float32
	cols  map[string]int
}

func (s *stages) trace(stage string, index int, rows tensor.Tensor) {
	if index >= 0 {
		stage += "." + strconv.Itoa(index)
	}
	if s.rows[stage] == nil {
		s.names = append(s.names, stage)
	}
	for i := range rows.Rows {
		s.rows[stage] = append(s.rows[stage], rows.Row(i)...)
	}
	s.cols[stage] = rows.Cols
}

// String has a line for each stage: its shape, the root mean square of its values and a hash of
// their bits.
func (s *stages) String() string {
	var b strings.Builder
	for _, name := range s.names {
		v := s.rows[name]
		fmt.Fprintf(&b, "%-22s %-12s rms %-10.6g bits %s\n", name, shape(len(v)/s.cols[name], s.cols[name]), rms(v), bits(v))
	}
	return b.String()
}

func rms(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(len(v)))
}

func bits(v []float32) string {
	h := fnv.New32a()
	for _, x := range v {
		_ = binary.Write(h, binary.LittleEndian, x)
	}
	return fmt.Sprintf("%08x", h.Sum32())
}

func runStages(t *testing.T, opts ...qwenvl.Option) *stages {
	t.Helper()
	root := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join("..", name)
	}
	m, err := qwenvl.Load(root(*stagesModel), opts...)
	require.NoError(t, err)
	defer m.Close()
	var parts []qwenvl.Part
	if *stagesPicture != "" {
		parts = append(parts, qwenvl.ImageFile(root(*stagesPicture)))
	}
	s := &stages{rows: map[string][]float32{}, cols: map[string]int{}}
	ctx := hooks.With(context.Background(), &hooks.Hooks{Trace: s.trace, AllLogits: true})
	_, err = m.Generate(ctx, qwenvl.Request{
		Messages:  []qwenvl.Message{qwenvl.User(append(parts, qwenvl.Text(*stagesAsk))...)},
		MaxTokens: *stagesTokens, Sampling: qwenvl.Greedy(),
	})
	require.NoError(t, err)
	return s
}

// Every stage has the same bits with other threads and cuts of the prompt.
func TestStages(t *testing.T) {
	s := runStages(t)
	require.Equal(t, s.String(), runStages(t, qwenvl.WithThreads(1), qwenvl.WithPrefillChunk(7)).String())
	if testing.Verbose() {
		fmt.Fprint(os.Stdout, s)
	}
	if *stagesRows == "" {
		return
	}
	require.Contains(t, s.names, *stagesRows)
	v, n := s.rows[*stagesRows], s.cols[*stagesRows]
	for i := range len(v) / n {
		fmt.Printf("row %d: rms %-10.6g bits %s  %.5g …\n", i, rms(v[i*n:(i+1)*n]), bits(v[i*n:(i+1)*n]), v[i*n:i*n+min(n, 4)])
	}
}
