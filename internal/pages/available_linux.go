package pages

// Memory that can be had on Linux, within the limit of the control group.

import (
	"fmt"
	"os"
	"strings"
)

// Available returns how many bytes of memory can be had without pushing out others, within the
// limit of the process's control group; 0: it is not known.
func Available() int64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	free := int64(0)
	if _, rest, ok := strings.Cut(string(info), "MemAvailable:"); ok {
		fmt.Sscan(rest, &free)
	}
	free <<= 10
	limit, used := groupBytes("memory.max"), groupBytes("memory.current")
	if limit > 0 && limit-used < free {
		free = max(0, limit-used)
	}
	return free
}

// groupBytes reads a figure of the control group that a container sees as its root; 0: none.
func groupBytes(name string) int64 {
	data, err := os.ReadFile("/sys/fs/cgroup/" + name)
	if err != nil {
		return 0
	}
	n := int64(0)
	fmt.Sscan(string(data), &n) // "max" is no number
	return n
}
