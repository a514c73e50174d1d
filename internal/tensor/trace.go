package tensor

// Traces: a pass reports named stages to who asked for them, and costs nothing otherwise. Tools
// compare them with a reference's; stages are named where they are emitted, in vision, adapter and
// llm.

// Traces: a pass tells what it has computed, stage by stage, to whoever compares it with a
// reference (internal/cmd/parity). Stages are emitted where they exist anyway; what a product keeps
// to itself is computed once more, and only while a trace is set.

// Trace receives the named stages of a pass as they are computed: rows of stage name, number index
// where stages are numbered (else -1). Rows of one stage arrive in order, in one call or several.
// The tensor is valid during the call only.
type Trace func(stage string, index int, rows Tensor)

// SetTrace makes the following passes report their stages; nil ends it.
func (ex *Exec) SetTrace(t Trace) { ex.trace = t }

// Emit reports a stage when a trace is set.
func (ex *Exec) Emit(stage string, index int, rows Tensor) {
	if ex.trace != nil {
		ex.trace(stage, index, rows)
	}
}

// EmitNorm reports the normalized rows of x when a trace is set: where a product normalizes its
// input by itself, they are nowhere else.
func (ex *Exec) EmitNorm(stage string, index int, x Tensor, norm *Norm) {
	if ex.trace == nil {
		return
	}
	defer ex.Release(ex.Mark())
	h := ex.Alloc(x.Rows, x.Cols)
	ex.NormRows(h, x, norm)
	ex.trace(stage, index, h)
}

// Tracing reports whether stages are wanted, for those that cost something to show.
func (ex *Exec) Tracing() bool { return ex.trace != nil }
