package llm

// What tests of package llm_test see of a decoder's inside.

import "github.com/qwenvl/qwenvl/internal/tensor"

// AddFeedForward adds the output of layer i's feed-forward part, its norm included, to x.
func (d *Decoder) AddFeedForward(ex *tensor.Exec, i int, x tensor.Tensor) {
	l := &d.layers[i]
	l.ffn.forward(&pass{ex: ex, routing: &routing{}}, x, &l.ffnNorm)
}

// FeedForwardNorm returns the norm before the feed-forward part of layer i.
func (d *Decoder) FeedForwardNorm(i int) *tensor.Norm { return &d.layers[i].ffnNorm }
