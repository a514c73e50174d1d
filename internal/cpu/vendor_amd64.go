//go:build gc && !noasm && !purego

package cpu

// The maker of an amd64 processor, for the one choice that depends on it: prefetch distances.

import "encoding/binary"

// AMD reports a processor of AMD, or of a maker that builds on its designs: their memory wants to
// be read in another way than Intel's.
var AMD = func() bool {
	name := vendorName()
	return name == "AuthenticAMD" || name == "HygonGenuine"
}()

// vendor is the maker's name in twelve letters, as CPUID gives it for leaf 0.
func vendor() (b, d, c uint32)

func vendorName() string {
	b, d, c := vendor()
	name := binary.LittleEndian.AppendUint32(nil, b)
	name = binary.LittleEndian.AppendUint32(name, d)
	return string(binary.LittleEndian.AppendUint32(name, c))
}
