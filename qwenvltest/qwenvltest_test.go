package qwenvltest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/qwenvltest"
)

func TestQuestions(t *testing.T) {
	for _, format := range []qwenvl.WeightFormat{qwenvl.F32, qwenvl.BF16, qwenvl.Int8} {
		m := qwenvltest.Load(t, qwenvl.WithWeightFormat(format))
		asks := qwenvltest.Asks()
		for i, q := range qwenvltest.Questions() {
			require.Equal(t, asks[i], q.Text)
			resp, err := m.Generate(t.Context(), q.Request())
			require.NoError(t, err)
			require.Equal(t, q.Answer, resp.Text, format)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	in, err := qwenvl.InspectFS(qwenvltest.FS())
	require.NoError(t, err)
	require.Less(t, in.Parameters.Total, int64(3e6))
	_, err = fs.Stat(qwenvltest.FS(), "config.json")
	require.NoError(t, err)

	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, qwenvltest.FS()))
	m, err := qwenvl.Load(dir)
	require.NoError(t, err)
	require.NoError(t, m.Close())
}

// recorder is a test that does not end this one.
type recorder struct {
	failed string
	last   []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.last = append(r.last, f) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(r)
}

func TestLoad(t *testing.T) {
	r := &recorder{}
	m := qwenvltest.Load(r)
	_, err := m.Tokenize("red")
	require.NoError(t, err)
	require.Len(t, r.last, 1)
	r.last[0]()
	_, err = m.Tokenize("red")
	require.ErrorIs(t, err, qwenvl.ErrClosed, "closed with its test")

	require.Panics(t, func() {
		qwenvltest.Load(r, qwenvl.WithThreads(-1))
	})
	require.Contains(t, r.failed, "WithThreads")
}

// Answer is a program's own function that is to be tested.
func Answer(ctx context.Context, m *qwenvl.Model, picture []byte, question string) (string, error) {
	resp, err := m.Generate(ctx, qwenvl.Request{Messages: []qwenvl.Message{
		qwenvl.User(qwenvl.ImageBytes(picture), qwenvl.Text(question)),
	}})
	if err != nil {
		return "", err
	}
	if resp.Text == "" {
		return "", errors.New("no answer")
	}
	return resp.Text, nil
}

// A function that uses a model, tested without a download. In a test, Load closes the model.
func Example() {
	m, err := qwenvltest.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	q := qwenvltest.Questions()[0]
	got, err := Answer(context.Background(), m, q.Picture, q.Text)
	fmt.Println(got, err, got == q.Answer)
	// Output: 40718 <nil> true
}
