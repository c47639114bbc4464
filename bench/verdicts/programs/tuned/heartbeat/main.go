// Heartbeat starts a goroutine with a ticker for every connection. With -leak it does not learn that the connection
// has closed; without, it ends with it, some ticks later.
package main

import (
	"flag"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "beat on after the connection has closed")
	onset = flag.Float64("onset", 20, "tick from which they do")
	beats atomic.Int64
)

type conn struct {
	closed chan struct{}
	buffer []byte
}

func beat(c *conn) {
	ticker := time.NewTicker(lab.Ticks(15))
	for range ticker.C {
		c.buffer[0]++
		beats.Add(1)
	}
}

func beatUntilClosed(c *conn) {
	ticker := time.NewTicker(lab.Ticks(15))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.buffer[0]++
			beats.Add(1)
		case <-c.closed:
			return
		}
	}
}

func main() {
	lab.Start()
	warm := make([]byte, 30*lab.MiB)
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		warm[lab.Rand.IntN(len(warm))]++
		c := &conn{closed: make(chan struct{}), buffer: make([]byte, 2*lab.KiB)}
		if *leak && lab.Leaks(now, *onset) {
			go beat(c)
			return
		}
		go beatUntilClosed(c)
		time.AfterFunc(lab.Ticks(lab.Rand.ExpFloat64()*8), func() { close(c.closed) })
	})
}
