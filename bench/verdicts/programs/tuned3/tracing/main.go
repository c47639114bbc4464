// Tracing keeps the spans in progress, and the finished ones in a ring for the trace viewer. The ring takes long to
// fill. With -leak a new client disconnects without ending its spans, which then stay in progress.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	leak    = flag.Bool("leak", false, "spans of clients that disconnect")
	onset   = flag.Float64("onset", 70, "tick at which the new client appears")
	ring    = flag.Int("ring", 20000, "finished spans kept")
	perTick = flag.Int("rate", 600, "spans a tick")
)

type event struct {
	at      float64
	message string
}

type span struct {
	id     uint64
	ends   float64
	events []event
	tags   map[string]string
	stack  []byte
}

type tracer struct {
	active   map[uint64]*span
	byEnd    [64][]*span
	finished []*span
	n        int
}

//go:noinline
func (t *tracer) start(id uint64, now float64) *span {
	s := &span{id: id, tags: map[string]string{"peer": "10.0.0.1", "trace": fmt.Sprint(id)}}
	s.stack = make([]byte, 1*lab.KiB+lab.Rand.IntN(5*lab.KiB))
	for i := range 12 {
		s.events = append(s.events, event{now, fmt.Sprintf("event %d of span %x at %f", i, id, now)})
	}
	t.active[id] = s
	return s
}

func (t *tracer) end(s *span) {
	delete(t.active, s.id)
	if len(t.finished) < *ring {
		t.finished = append(t.finished, s)
		return
	}
	t.finished[t.n%*ring] = s
	t.n++
}

func main() {
	lab.Start()
	t := &tracer{active: map[uint64]*span{}}
	step := 0
	lab.Forever(20, func(now float64) {
		step++
		for range *perTick / 20 {
			s := t.start(lab.Rand.Uint64(), now)
			slot := (step + 1 + lab.Rand.IntN(60)) % 64
			t.byEnd[slot] = append(t.byEnd[slot], s)
		}
		for _, s := range t.byEnd[step%64] {
			t.end(s)
		}
		clear(t.byEnd[step%64])
		t.byEnd[step%64] = t.byEnd[step%64][:0]
		if *leak && lab.Leaks(now, *onset) {
			for range 20 + lab.Rand.IntN(12) {
				t.start(lab.Rand.Uint64(), now)
			}
		}
		lab.Garbage(500 * lab.KiB)
	})
}
