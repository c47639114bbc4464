// Requests gives each request a context below the server's, with the request in it. With -leak the cancel function is
// dropped, so the server's context keeps every child, and through it the request.
package main

import (
	"context"
	"flag"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "never cancel")
	onset = flag.Float64("onset", 20, "tick from which it does not")
)

type key struct{}

type request struct {
	header map[string]string
	body   []byte
}

func derive(server context.Context, size int) (context.Context, context.CancelFunc) {
	r := &request{header: map[string]string{"Accept": "*/*"}, body: make([]byte, size)}
	return context.WithCancel(context.WithValue(server, key{}, r))
}

func serve(ctx context.Context) int {
	r := ctx.Value(key{}).(*request)
	lab.Garbage(4 * len(r.body))
	return len(r.header)
}

func main() {
	lab.Start()
	server, stop := context.WithCancel(context.Background())
	defer stop()
	var live []context.CancelFunc
	lab.Forever(40, func(now float64) {
		for range 5 {
			ctx, cancel := derive(server, 8*lab.KiB+lab.Rand.IntN(30*lab.KiB))
			serve(ctx)
			if *leak && lab.Leaks(now, *onset) {
				continue
			}
			live = append(live, cancel)
		}
		// A request that is answered is done a few ticks later.
		for len(live) > 1500 {
			live[0]()
			live = live[1:]
		}
		lab.Garbage(lab.MiB)
	})
}
