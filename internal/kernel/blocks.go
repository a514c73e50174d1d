package kernel

// How a length is cut into blocks of nearly equal size, for all products.

// blockLen cuts n into the fewest blocks of at most limit and returns their length, a multiple of
// unit (as limit is).
func blockLen(n, limit, unit int) int {
	blocks := (n + limit - 1) / limit
	return ((n+blocks-1)/blocks + unit - 1) / unit * unit
}
