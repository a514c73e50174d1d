package conformance_test

// A model that waits costs nothing.

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/qwenvl/qwenvl"
)

// A model that waits for requests uses no processor time: its workers sleep.
func TestIdleModelUsesNoCPU(t *testing.T) {
	m := loadTiny(t, qwenvl.WithThreads(4))
	generate(t, m, qwenvl.Request{Messages: []qwenvl.Message{qwenvl.User(qwenvl.Text("Hello"))}, MaxTokens: 8, Sampling: qwenvl.Greedy()})
	used := func() time.Duration {
		var u unix.Rusage
		require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	least := time.Hour
	for range 5 { // the collector may be at work in one of them
		before := used()
		time.Sleep(200 * time.Millisecond)
		least = min(least, used()-before)
	}
	require.Less(t, least, 2*time.Millisecond)
}
