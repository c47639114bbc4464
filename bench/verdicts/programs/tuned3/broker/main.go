// Broker keeps the messages of a topic until the consumer has acknowledged them, and trims up to the first one that is
// not. Healthy, the consumer goes down for a while and works the backlog off. With -leak one acknowledgement is lost,
// and everything behind the hole is consumed, acknowledged and kept.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "lose one acknowledgement")
	onset = flag.Float64("onset", 45, "tick of the loss")
	down  = flag.Float64("down", 28, "tick at which the consumer goes down")
	up    = flag.Float64("up", 62, "tick at which it is back")
	size  = flag.Int("size", 40, "mean size of a message in KiB")
)

type message struct {
	offset int
	acked  bool
	body   []byte
}

type topic struct {
	base int
	log  []*message
	next int
}

//go:noinline
func (t *topic) publish(size int) {
	body := make([]byte, size)
	body[0] = byte(size)
	t.log = append(t.log, &message{offset: t.base + len(t.log), body: body})
}

func (t *topic) poll(n int) []*message {
	from := t.next - t.base
	to := min(from+n, len(t.log))
	t.next += to - from
	return append([]*message(nil), t.log[from:to]...)
}

func (t *topic) trim() {
	n := 0
	for n < len(t.log) && t.log[n].acked {
		t.log[n] = nil
		n++
	}
	t.log = t.log[n:]
	t.base += n
}

func main() {
	lab.Start()
	t := &topic{}
	var flight []*message
	lost := false
	lab.Forever(25, func(now float64) {
		for range 3 + lab.Rand.IntN(3) {
			t.publish((1 + lab.Rand.IntN(2**size-1)) * lab.KiB)
		}
		lab.Garbage(300 * lab.KiB)
		if !*leak && now > *down && now < *up {
			return
		}
		lab.Rand.Shuffle(len(flight), func(i, j int) { flight[i], flight[j] = flight[j], flight[i] })
		half := len(flight) / 2
		if len(flight) < 30 {
			half = len(flight)
		}
		for _, m := range flight[half:] {
			if *leak && !lost && lab.Leaks(now, *onset) {
				lost = true
				continue
			}
			m.acked = true
		}
		clear(flight[half:])
		flight = append(flight[:half], t.poll(9)...)
		t.trim()
	})
}
