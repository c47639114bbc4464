// Program batch runs a job every 24 ticks or so: it loads a day of bookings bit by bit, works on it, and drops it. The
// days are of different sizes.
package main

import "verdicts/internal/lab"

const (
	perTick = 40
	loading = 8 // ticks
	working = 5
)

func load(size int) []byte { return make([]byte, size) }

var line []byte

func main() {
	lab.Start()
	starts, rate := 10.0, 14
	var bookings [][]byte
	lab.Forever(perTick, func(now float64) {
		line = make([]byte, 640<<10)
		switch at := now - starts; {
		case at < 0:
		case at < loading:
			for range rate {
				bookings = append(bookings, load(32<<10))
			}
		case at < loading+working:
			bookings[lab.Rand.IntN(len(bookings))][0]++
		default:
			bookings = nil
			starts += 20 + 8*lab.Rand.Float64()
			rate = 10 + lab.Rand.IntN(9)
		}
	})
}
