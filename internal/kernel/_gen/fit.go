package main

// Polynomials for exp and its relatives: fitted when the generator runs, so that no table of digits
// has to be trusted.

import "math"

// fit returns the coefficients, lowest power first, of the polynomial of the given degree that
// meets f at the Chebyshev points of [lo, hi]; it is close to the best one there. The arguments of
// the polynomial are those of f.
func fit(f func(float64) float64, lo, hi float64, degree int) []float64 {
	n := degree + 1
	// Newton's divided differences at the points, then multiplied out.
	x, d := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i] = (lo+hi)/2 + (hi-lo)/2*math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
		d[i] = f(x[i])
	}
	for j := 1; j < n; j++ {
		for i := n - 1; i >= j; i-- {
			d[i] = (d[i] - d[i-1]) / (x[i] - x[i-j])
		}
	}
	c := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		for p := n - 1; p > 0; p-- { // c = c·(t - x[i]) + d[i]
			c[p] = c[p-1] - x[i]*c[p]
		}
		c[0] = d[i] - x[i]*c[0]
	}
	return c
}

// expTail is what exp adds to 1 + r, over r²; its series, because the quotient itself cancels near
// 0.
func expTail(r float64) float64 {
	var s float64
	term := 0.5
	for n := 3; n < 30; n++ {
		s += term
		term *= r / float64(n)
	}
	return s
}

// geluCenter is where the argument of the GELU polynomial, (a - geluCenter)/(a + geluCenter) for a
// = |x|, is 0. Values from 3 to 5 give errors of the same size.
const geluCenter = 4

// geluTail is erfc(a/√2)·exp(a²/2), as a function of (a - geluCenter)/(a + geluCenter).
func geluTail(s float64) float64 {
	a := geluCenter * (1 + s) / (1 - s)
	return math.Erfc(a/math.Sqrt2) * math.Exp(a*a/2)
}
