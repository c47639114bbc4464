// Bus queues events for its subscribers. Those of closed views stay subscribed and nobody empties their queues.
package main

import "verdicts/internal/lab"

type subscriber struct {
	queue [][]byte
	alive bool
}

type bus struct{ subscribers []*subscriber }

func render() []byte {
	event := make([]byte, 2*lab.KiB+lab.Rand.IntN(6*lab.KiB))
	event[0] = 1
	return event
}

func (b *bus) publish() {
	s := b.subscribers[lab.Rand.IntN(len(b.subscribers))]
	s.queue = append(s.queue, render())
	if s.alive && len(s.queue) > 64 {
		s.queue = nil
	}
}

func main() {
	lab.Start()
	b := &bus{}
	for range 40 {
		b.subscribers = append(b.subscribers, &subscriber{alive: true})
	}
	lab.Forever(1250, func(now float64) {
		if now >= 24 && b.subscribers[0].alive {
			lab.Leaks(now, 24)
			for _, s := range b.subscribers[:20] {
				s.alive = false
			}
		}
		b.publish()
		lab.Garbage(6 * lab.KiB)
	})
}
