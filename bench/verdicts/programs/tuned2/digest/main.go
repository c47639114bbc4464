// Digest writes newsletters and hands them to a sender through a queue without a limit. While the relay is slow the
// queue grows, and is drained afterwards. With -leak the sender meets a letter it cannot encode, returns, and nobody
// starts it again; the letters go on coming.
package main

import (
	"flag"
	"sync"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "the sender ends")

const (
	slowFrom, slowTo = 32.0, 53.0
	broken           = 52.0
)

type letter struct {
	to   uint64
	body []byte
}

type queue struct {
	mu      sync.Mutex
	letters []*letter
}

func (q *queue) put(l *letter) {
	q.mu.Lock()
	q.letters = append(q.letters, l)
	q.mu.Unlock()
}

func (q *queue) take() *letter {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.letters) == 0 {
		return nil
	}
	l := q.letters[0]
	q.letters[0] = nil
	q.letters = q.letters[1:]
	return l
}

//go:noinline
func write(size int) *letter {
	l := &letter{to: lab.Rand.Uint64(), body: make([]byte, size)}
	for i := 0; i < size; i += 512 {
		l.body[i] = '.'
	}
	return l
}

func send(q *queue) {
	type dead struct{}
	end := make(chan dead)
	go lab.Forever(20, func(now float64) {
		if *leak && lab.Leaks(now, broken) {
			close(end)
			select {}
		}
		n := 36
		if !*leak && now >= slowFrom && now < slowTo {
			n = 2
		}
		for range n {
			if q.take() == nil {
				break
			}
		}
	})
	<-end
}

func main() {
	lab.Start()
	q := &queue{}
	go send(q)
	letters := 20
	if *leak {
		letters = 11
	}
	lab.Forever(20, func(now float64) {
		for range letters {
			q.put(write((8 + lab.Rand.IntN(30)) * lab.KiB))
		}
		lab.Garbage(lab.MiB)
	})
}
