// Contexts derives a cancellable context per request from the server's and forgets to cancel some.
package main

import (
	"context"

	"verdicts/internal/lab"
)

type key struct{}

type request struct{ header, body []byte }

type exchange struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func newRequest() *request {
	return &request{header: make([]byte, 2*lab.KiB), body: make([]byte, 8*lab.KiB+lab.Rand.IntN(16*lab.KiB))}
}

func serve(server context.Context, early bool) {
	var e exchange
	e.ctx, e.cancel = context.WithCancel(context.WithValue(server, key{}, newRequest()))
	lab.Garbage(20 * lab.KiB)
	if early {
		// The early return of a rejected request passes the cancel by.
		return
	}
	e.cancel()
}

func main() {
	lab.Start()
	server, stop := context.WithCancel(context.Background())
	defer stop()
	lab.Forever(1000, func(now float64) {
		serve(server, lab.Rand.IntN(100) < 19 && lab.Leaks(now, 28))
	})
}
