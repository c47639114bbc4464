// Rpcwait is the client of a JSON-RPC connection: each call waits on a channel for its response. One notification in
// three is by mistake sent as a call, and nobody answers it.
package main

import (
	"flag"
	"sync"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 20, "tick of the first call that is not answered")

type conn struct {
	mutex   sync.Mutex
	pending map[int]chan []byte
	next    int
}

func (c *conn) register() (int, chan []byte) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.next++
	response := make(chan []byte)
	c.pending[c.next] = response
	return c.next, response
}

func (c *conn) call(ids chan<- int) int {
	id, response := c.register()
	ids <- id
	return len(<-response)
}

func (c *conn) answer(id int) {
	c.mutex.Lock()
	response := c.pending[id]
	delete(c.pending, id)
	c.mutex.Unlock()
	response <- make([]byte, 4*lab.KiB)
}

func main() {
	lab.Start()
	c := &conn{pending: map[int]chan []byte{}}
	ids := make(chan int)
	cache := make([]byte, 60*lab.MiB)
	lab.Forever(60, func(now float64) {
		lab.Garbage(lab.MiB)
		cache[lab.Rand.IntN(len(cache))]++
		go c.call(ids)
		id := <-ids
		if lab.Leaks(now, *onset) && id%3 == 0 {
			return
		}
		go c.answer(id)
	})
}
