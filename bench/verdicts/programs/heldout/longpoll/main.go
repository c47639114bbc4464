// Program longpoll lets its clients wait for news, 12 ticks at most. Clients come at a steady rate, which doubles at
// tick 45, when a second site is connected.
package main

import (
	"sync"
	"time"

	"verdicts/internal/lab"
)

const (
	perTick = 40
	patient = 12 // ticks
	doubles = 45
)

type news struct {
	mu    sync.Mutex
	topic map[int]chan struct{}
}

func (n *news) about(topic int) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.topic[topic] == nil {
		n.topic[topic] = make(chan struct{})
	}
	return n.topic[topic]
}

func (n *news) publish(topic int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.topic[topic]; c != nil {
		close(c)
		delete(n.topic, topic)
	}
}

func (n *news) poll(topic int, patience time.Duration) {
	giveUp := time.NewTimer(patience)
	defer giveUp.Stop()
	select {
	case <-n.about(topic):
	case <-giveUp.C:
	}
}

var article []byte

func main() {
	lab.Start()
	n := &news{topic: map[int]chan struct{}{}}
	archive := make([][]byte, 40)
	for i := range archive {
		archive[i] = make([]byte, 1<<20)
	}
	turn := 0
	lab.Forever(perTick, func(now float64) {
		turn++
		clients := 2 // 80 a tick
		if now >= doubles {
			clients = 4
		}
		for range clients {
			go n.poll(lab.Rand.IntN(400), lab.Ticks(patient))
		}
		if turn%4 == 0 {
			n.publish(lab.Rand.IntN(400))
		}
		article = make([]byte, 768<<10)
		archive[turn%len(archive)][0]++
	})
}
