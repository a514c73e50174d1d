package tensor

// Gated products whose two factors are stored in different formats.

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/qwenvl/qwenvl/internal/kernel"
	"github.com/qwenvl/qwenvl/internal/testkit"
)

// The two factors of a gated product may be of any two formats: each is multiplied by its own
// product, and they are combined as in one loop.
func TestGatedLinearOfTwoFormats(t *testing.T) {
	const outs, cols = 130, 96
	all := append([]Format{F32, BF16, F16}, packedFormats...)
	for _, n := range []int{1, 3, 40, 300, blockedRows + 77} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, uint64(n)))
			ex := NewExec(2)
			defer ex.Close()
			x := random(rng, n, cols)
			create := func(f Format, rows, cols int) *Matrix {
				if f.Packed() {
					m, _ := pack(t, ex, rng, f, rows, cols, true)
					return m
				}
				m, _ := matrix(rng, f, rows, cols, true)
				return m
			}
			var gates, ups, nexts []*Matrix
			for _, f := range all {
				gates = append(gates, create(f, outs, cols))
				ups = append(ups, create(f, outs, cols))
				nexts = append(nexts, create(f, 10, outs))
			}
			for i, gate := range gates {
				for _, up := range ups {
					a, b, got := New(n, outs), New(n, outs), New(n, outs)
					ex.Linear(a, x.Input(), gate, Identity)
					ex.Linear(b, x.Input(), up, Identity)
					kernel.SiLUMul(a.data, a.data, b.data)
					ex.GatedLinear(got, x.Input(), gate, up, SiLU)
					testkit.SameBits(t, a.data, got.data)

					next := nexts[(i+1)%len(nexts)]
					want, last := New(n, 10), New(n, 10)
					ex.Linear(want, a.Input(), next, Identity)
					mark := ex.Mark()
					ex.Linear(last, ex.GatedInput(ex.Input(x, gate), gate, up, SiLU, next), next, Identity)
					ex.Release(mark)
					testkit.SameBits(t, want.data, last.data)
				}
			}
		})
	}
}
