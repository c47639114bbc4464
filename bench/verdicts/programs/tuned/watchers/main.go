// Watchers selects for each client over its updates and its end. With -leak a client that reconnects gets a new watcher
// and the old one is not ended: it selects forever.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "leave the old watcher")
	onset = flag.Float64("onset", 20, "tick from which clients reconnect")
)

type watcher struct {
	updates chan []byte
	end     chan struct{}
	state   []byte
}

func newWatcher() *watcher {
	w := &watcher{updates: make(chan []byte), end: make(chan struct{}), state: make([]byte, 4*lab.KiB)}
	go w.watch()
	return w
}

func (w *watcher) watch() {
	for {
		select {
		case update := <-w.updates:
			copy(w.state, update)
		case <-w.end:
			return
		}
	}
}

func main() {
	lab.Start()
	var clients []*watcher
	for range 400 {
		clients = append(clients, newWatcher())
	}
	lab.Forever(22, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		for range 10 {
			clients[lab.Rand.IntN(len(clients))].updates <- make([]byte, 1000)
		}
		if now < *onset {
			return
		}
		n := lab.Rand.IntN(len(clients))
		if !*leak {
			close(clients[n].end)
		} else {
			lab.Leaks(now, *onset)
		}
		clients[n] = newWatcher()
	})
}
