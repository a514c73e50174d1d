package vision

// What tests of package vision_test see of an encoder's inside.

import "github.com/qwenvl/qwenvl/internal/tensor"

// AddMLP adds the output of block i's MLP, its norm included, to x.
func (e *Encoder) AddMLP(ex *tensor.Exec, i int, x tensor.Tensor) { e.mlp(ex, i, x) }

// MLPNorm returns the norm before the MLP of block i.
func (e *Encoder) MLPNorm(i int) *tensor.Norm { return &e.blocks[i].norm2 }
