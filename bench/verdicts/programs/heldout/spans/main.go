// Program spans derives a context with a trace span for every operation. Calls cancel theirs; subscriptions, new since
// a release, do not, and the context of the server, which lives as long as the process, keeps all of its children.
package main

import (
	"context"

	"verdicts/internal/lab"
)

const (
	perTick = 40
	calls   = 25 // a turn
	onset   = 28
)

type spanKey struct{}

type span struct{ attributes []byte }

type server struct{ base context.Context }

func newSpan(size int) *span { return &span{attributes: make([]byte, size)} }

func (s *server) begin(size int) (context.Context, context.CancelFunc) {
	return context.WithCancel(&traced{s.base, newSpan(size)})
}

// traced is a context that carries its span.
type traced struct {
	context.Context
	span *span
}

func (t *traced) Value(key any) any {
	if key == (spanKey{}) {
		return t.span
	}
	return t.Context.Value(key)
}

func (s *server) call() {
	ctx, cancel := s.begin(24<<10 + lab.Rand.IntN(24<<10))
	defer cancel()
	ctx.Value(spanKey{}).(*span).attributes[0]++
}

// subscribe answers at once and has its client come back for more.
func (s *server) subscribe() {
	ctx, cancel := s.begin(24<<10 + lab.Rand.IntN(24<<10))
	ctx.Value(spanKey{}).(*span).attributes[0]++
	_ = cancel
}

func main() {
	lab.Start()
	base, stop := context.WithCancel(context.Background())
	defer stop()
	s := &server{base: base}
	released := false
	lab.Forever(perTick, func(now float64) {
		if !released && now >= onset {
			released = true
			lab.Onset()
		}
		for range calls {
			s.call()
		}
		if released {
			for range 3 { // 120 a tick
				s.subscribe()
			}
		}
	})
}
