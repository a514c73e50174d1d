package tensor

// Trace receives the named stages of a pass as they are computed: rows of stage name, number index where stages
// are numbered (else -1). Rows of one stage arrive in order, in one call or several. The tensor is valid during the call only.
type Trace func(stage string, index int, rows Tensor)

// SetTrace makes the following passes report their stages; nil ends it.
func (ex *Exec) SetTrace(t Trace) { ex.trace = t }

// Emit reports a stage when a trace is set.
func (ex *Exec) Emit(stage string, index int, rows Tensor) {
	if ex.trace != nil {
		ex.trace(stage, index, rows)
	}
}

// Tracing reports whether stages are wanted, for those that cost something to show.
func (ex *Exec) Tracing() bool { return ex.trace != nil }
