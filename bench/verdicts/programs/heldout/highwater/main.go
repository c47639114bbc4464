// Program highwater reads messages into one buffer for each connection. A buffer grows to the largest message that its
// connection has seen and is never made smaller, but messages are limited to 256 KiB and large ones are rare.
package main

import "verdicts/internal/lab"

const (
	connections = 400
	perTick     = 40
	messages    = 12 // a turn
	limit       = 256 << 10
)

type connection struct{ buffer []byte }

func (c *connection) read(size int) {
	if size > len(c.buffer) {
		c.buffer = make([]byte, size)
	}
	c.buffer[size-1]++
}

func messageSize() int {
	return min(limit, 4<<10+int(60e3*lab.Rand.ExpFloat64()))
}

var decoded []byte

func main() {
	lab.Start()
	all := make([]connection, connections)
	lab.Forever(perTick, func(float64) {
		for range messages {
			all[lab.Rand.IntN(connections)].read(messageSize())
		}
		decoded = make([]byte, 1<<20)
	})
}
