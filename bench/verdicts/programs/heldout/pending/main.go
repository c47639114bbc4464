// Program pending matches answers to calls by number. A call that runs into its deadline returns to its caller but its
// entry stays in the table of pending calls. Deadlines are first missed at tick 35, when the peer loses answers.
package main

import (
	"context"
	"errors"

	"verdicts/internal/lab"
)

const (
	perTick = 30
	calls   = 20 // a turn
	lost    = 4  // of them, once the peer loses answers
	onset   = 35
)

type call struct {
	request []byte
	reply   []byte
}

type client struct {
	next    uint64
	pending map[uint64]*call
}

var errLost = errors.New("lost")

func (c *client) send(size int) (uint64, *call) {
	c.next++
	one := &call{request: make([]byte, size)}
	c.pending[c.next] = one
	return c.next, one
}

func (c *client) answered(id uint64, reply []byte) {
	c.pending[id].reply = reply
	delete(c.pending, id)
}

func (c *client) call(ctx context.Context, size int) error {
	id, _ := c.send(size)
	if ctx.Err() != nil {
		return errLost
	}
	c.answered(id, make([]byte, 4<<10))
	return nil
}

func main() {
	lab.Start()
	c := &client{pending: map[uint64]*call{}}
	missed, stop := context.WithCancel(context.Background())
	stop()
	losing := false
	lab.Forever(perTick, func(now float64) {
		if !losing && now >= onset {
			losing = true
			lab.Onset()
		}
		for i := range calls {
			ctx := context.Background()
			if losing && i < lost {
				ctx = missed
			}
			_ = c.call(ctx, 24<<10+lab.Rand.IntN(16<<10))
		}
	})
}
