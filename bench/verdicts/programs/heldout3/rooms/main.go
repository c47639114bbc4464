// Command rooms is a chat. A room shows its last messages; in the leaking one each message also points to the one that
// it follows, so that the whole conversation hangs on the newest. In the healthy one the number of rooms wanders.
package main

import (
	"flag"
	"verdicts/internal/lab"
)

type message struct {
	author  int
	text    []byte
	follows *message
}

type room struct {
	recent []*message
	at     int
}

//go:noinline
func (r *room) say(thread bool, size int) {
	rendered := make([]byte, 3*size)
	m := &message{author: lab.Rand.IntN(1000), text: make([]byte, size)}
	copy(m.text, rendered)
	if thread {
		m.follows = r.recent[(r.at+len(r.recent)-1)%len(r.recent)]
	}
	r.recent[r.at] = m
	r.at = (r.at + 1) % len(r.recent)
}

//go:noinline
func openRoom(keep, size int) *room {
	r := &room{recent: make([]*message, keep)}
	for range keep / 2 {
		r.say(false, size)
	}
	return r
}

func main() {
	leak := flag.Bool("leak", false, "chain the messages")
	lo := flag.Int("lo", 20, "fewest rooms")
	hi := flag.Int("hi", 20, "most rooms")
	size := flag.Int("size", 1200, "of a message, about")
	lab.Start()
	var rooms []*room
	drift := 1
	lab.Forever(40, func(now float64) {
		thread := *leak && lab.Leaks(now, 28)
		if lab.Rand.IntN(300) == 0 {
			drift = -drift
		}
		if lab.Rand.IntN(4) == 0 {
			switch step := drift * (1 - 2*(lab.Rand.IntN(10)/7)); {
			case step > 0 && len(rooms) < *hi || len(rooms) < *lo:
				rooms = append(rooms, openRoom(200, *size))
			case step < 0 && len(rooms) > *lo:
				i := lab.Rand.IntN(len(rooms))
				rooms[i] = rooms[len(rooms)-1]
				rooms[len(rooms)-1] = nil
				rooms = rooms[:len(rooms)-1]
			case len(rooms) == *hi || len(rooms) == *lo:
				drift = -drift
			}
		}
		if len(rooms) > 0 {
			for range 10 {
				rooms[lab.Rand.IntN(len(rooms))].say(thread, *size/2+lab.Rand.IntN(*size))
			}
		}
		lab.Garbage(350 * lab.KiB)
	})
}
