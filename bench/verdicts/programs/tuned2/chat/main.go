// Chat keeps a connection for everyone who is in, with a reader and a writer. People come when the office opens, evenly
// or ever more slowly, and stay for the day; a few come and go all the time. With -leak everyone comes for moments
// only, and a release lets the writers wait for messages without looking whether the reader has gone.
package main

import (
	"bufio"
	"flag"
	"log"
	"math"
	"net"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	from    = flag.Float64("from", 12, "tick at which the office opens")
	ticks   = flag.Float64("ticks", 14, "how long they come")
	people  = flag.Float64("people", 350, "who come")
	slowing = flag.Bool("slowing", false, "ever more slowly")
	leak    = flag.Bool("leak", false, "writers stay")
)

const released = 20.0

var forgetful atomic.Bool

type conn struct {
	net.Conn
	outbox chan string
	gone   chan struct{}
}

//go:noinline
func (c *conn) read() {
	defer close(c.gone)
	defer c.Close()
	lines := bufio.NewReaderSize(c, 2*lab.KiB)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		select {
		case c.outbox <- line:
		default:
		}
	}
}

//go:noinline
func (c *conn) write() {
	for {
		select {
		case line := <-c.outbox:
			c.SetWriteDeadline(time.Now().Add(lab.Ticks(3)))
			c.Write([]byte(line))
		case <-c.gone:
			return
		}
	}
}

//go:noinline
func (c *conn) forward() {
	for line := range c.outbox {
		c.Write([]byte(line))
	}
}

func serve(l net.Listener) {
	for {
		s, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		c := &conn{s, make(chan string, 4), make(chan struct{})}
		go c.read()
		if forgetful.Load() {
			go c.forward()
		} else {
			go c.write()
		}
	}
}

func main() {
	lab.Start()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go serve(l)
	var in []net.Conn
	come := func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		in = append(in, c)
	}
	leave := func(i int) {
		in[i].Close()
		in[i] = in[len(in)-1]
		in = in[:len(in)-1]
	}
	turnover := 0.0
	lab.Forever(20, func(now float64) {
		want, turn := 0.0, 2.0
		age := min(1, max(0, (now-*from)/(*ticks)))
		switch {
		case *leak:
			want, turn = 60, 40
			if lab.Leaks(now, released) {
				forgetful.Store(true)
			}
		case *slowing:
			want = 15 + *people*(1-math.Exp(-2.5*age))/(1-math.Exp(-2.5))
		default:
			want = 15 + *people*age
		}
		for float64(len(in)) < want {
			come()
		}
		for turnover += turn / 20; turnover >= 1; turnover-- {
			leave(lab.Rand.IntN(len(in)))
			come()
		}
		for range 3 {
			in[lab.Rand.IntN(len(in))].Write([]byte("hello\n"))
		}
		lab.Garbage(600 * lab.KiB)
	})
}
