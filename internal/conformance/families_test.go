package conformance_test

// Every family's fixture: stages within bounds, and the same bits for any chunks and threads.

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qwenvl/qwenvl"
	"github.com/qwenvl/qwenvl/internal/golden"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// familyFixtures is a fixture of each family, and a case of it with a picture.
var familyFixtures = map[string]string{
	"qwen-vl-small":     "one_image",
	"qwen2_vl-tiny":     "image_video",
	"qwen2_5_vl-tiny":   "image_video",
	"kimi-vl-tiny":      "one_image",
	"qwen3_vl_moe-tiny": "image_video",
	"qwen3_5_moe-tiny":  "multi_turn",
}

// buildParity builds the parity tool, with a file replaced when overlay is not empty.
func buildParity(t testing.TB, overlay string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "parity")
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	args := []string{"build", "-ldflags=-s", "-o", bin}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	out, err := exec.Command("go", append(args, root+"/internal/cmd/parity")...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return bin
}

// Every stage of every family's cases lies within its bounds, whatever the chunks and threads.
func TestFamiliesWithinBounds(t *testing.T) {
	bin := buildParity(t, "")
	for name := range familyFixtures {
		t.Run(name, func(t *testing.T) {
			for _, options := range [][]string{nil, {"-chunk", "1", "-threads", "1"}, {"-chunk", "7", "-threads", "2"}, {"-chunk", "64", "-threads", "3"}} {
				args := append(options, "-images", imagesDir, filepath.Join(testdata, name))
				out, err := exec.Command(bin, args...).Output()
				require.NoError(t, err, "%v:\n%s", options, out)
				require.Regexp(t, `parity: \d\d+ stages compared, 0 out of bound, 0 missing\n$`, string(out))
			}
		})
	}
}

// So do all of the reference's fixtures, where they are at hand.
func TestReferenceFixtures(t *testing.T) {
	dirs, err := filepath.Glob(root + "/../shared/fixtures/*/fixture.json")
	require.NoError(t, err)
	if len(dirs) == 0 {
		t.Skip("the reference's fixtures are not at hand")
	}
	args := []string{"-images", root + "/../shared/images"}
	for _, d := range dirs {
		args = append(args, filepath.Dir(d))
	}
	out, err := exec.Command(buildParity(t, ""), args...).Output()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `parity: \d\d+ stages compared, 0 out of bound, 0 missing\n$`, string(out))
}

// Every family computes the same bits however the prompt is cut and however many threads there are.
func TestFamiliesBitEqual(t *testing.T) {
	for name, caseName := range familyFixtures {
		t.Run(name, func(t *testing.T) {
			f, err := golden.Open(filepath.Join(testdata, name))
			require.NoError(t, err)
			c, err := f.Case(caseName)
			require.NoError(t, err)
			r := caseRequest(t, c)
			var want *stages
			var tokens []int
			for _, o := range [][2]int{{512, 1}, {512, 2}, {1, 1}, {7, 2}, {64, 3}} {
				m, err := qwenvl.Load(f.Dir, qwenvl.WithPrefillChunk(o[0]), qwenvl.WithThreads(o[1]))
				require.NoError(t, err)
				s := newStages()
				resp := s.run(t, m, r, nil)
				require.NoError(t, m.Close())
				if want == nil {
					want, tokens = s, resp.Tokens
					require.NotEmpty(t, want.rows["logits"])
					continue
				}
				require.Equal(t, tokens, resp.Tokens, "chunk %d, %d threads", o[0], o[1])
				for stage, rows := range want.rows {
					if stage != "llm.norm" && len(rows) == len(s.rows[stage]) || stage == "logits" {
						testkit.SameBits(t, rows, s.rows[stage])
					}
				}
			}
		})
	}
}

// A model says what it can do.
func TestFamilyInfo(t *testing.T) {
	for name := range familyFixtures {
		m, err := qwenvl.Load(filepath.Join(testdata, name))
		require.NoError(t, err)
		i := m.Info()
		require.True(t, i.Pictures)
		require.Equal(t, name[:4] == "qwen" && name != "qwen-vl-small", i.Videos, name)
		require.Positive(t, i.WeightBytes)
		require.Positive(t, i.PatchSize)
		require.NoError(t, m.Close())
	}
}
