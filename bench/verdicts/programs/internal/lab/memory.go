package lab

import (
	"math"
	"runtime"
)

// Sizes in bytes.
const (
	KiB = 1 << 10
	MiB = 1 << 20
)

// Garbage allocates about n bytes that are dead at once, in pieces of 64 B to 64 KiB as requests make them.
func Garbage(n int) {
	for n > 0 {
		size := int(64 * math.Exp2(Rand.Float64()*10))
		piece := make([]byte, size)
		piece[0] = 1
		runtime.KeepAlive(piece)
		n -= size
	}
}

var leaking bool

// Leaks is whether tick at has come; the first time it has, it says the onset.
func Leaks(now, at float64) bool {
	if now < at {
		return false
	}
	if !leaking {
		leaking = true
		Onset()
	}
	return true
}
