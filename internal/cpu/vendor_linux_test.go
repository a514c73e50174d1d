//go:build amd64 && gc && !noasm && !purego

package cpu

// The maker against what the system says.

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVendor compares with what the system says of its processor.
func TestVendor(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	require.NoError(t, err)
	id := regexp.MustCompile(`(?m)^vendor_id\s*: (\S+)$`).FindSubmatch(info)
	require.NotNil(t, id)
	require.Equal(t, string(id[1]), vendorName())
	require.Equal(t, string(id[1]) == "AuthenticAMD" || string(id[1]) == "HygonGenuine", AMD)
}
