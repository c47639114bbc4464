// Docs is an editor for many people: a document has a lock, and each edit runs in a goroutine that takes it. A few
// documents get most of the edits. An export holds the lock of a document for -export ticks, and edits wait. At
// -conflict an edit of the most popular document is refused. With -leak it returns without giving the lock back.
package main

import (
	"flag"
	"math"
	"sync"
	"time"

	"verdicts/internal/lab"
)

var (
	leak     = flag.Bool("leak", false, "keep the lock after a conflict")
	conflict = flag.Float64("conflict", 110, "tick of the conflict")
	export   = flag.Float64("export", 8, "ticks that an export takes")
	every    = flag.Float64("every", 45, "ticks from one export to the next")
	edits    = flag.Float64("edits", 36, "edits in a tick on average")
)

const steps = 20

type document struct {
	mu      sync.Mutex
	version int
	text    []byte
}

type server struct {
	documents []*document
}

//go:noinline
func (d *document) edit(at int, stale bool) {
	d.mu.Lock()
	if stale && *leak {
		lab.Onset()
		return
	}
	defer d.mu.Unlock()
	if stale {
		return
	}
	d.text[at%len(d.text)] = byte(at)
	d.version++
}

//go:noinline
func (d *document) write() {
	d.mu.Lock()
	defer d.mu.Unlock()
	time.Sleep(lab.Ticks(*export))
}

//go:noinline
func (s *server) dispatch(document, at int, stale bool) {
	go s.documents[document].edit(at, stale)
}

// popular draws a document; a third of all edits are for the first.
func (s *server) popular() int {
	switch n := lab.Rand.IntN(100); {
	case n < 34:
		return 0
	case n < 60:
		return 1
	}
	return lab.Rand.IntN(len(s.documents))
}

func main() {
	lab.Start()
	s := &server{}
	for range 300 {
		s.documents = append(s.documents, &document{text: make([]byte, 60*lab.KiB)})
	}
	owed, exports, refused := 0.0, 0, false
	lab.Forever(steps, func(now float64) {
		lab.Garbage(5 * lab.MiB / steps)
		if int(now / *every) > exports {
			exports++
			go s.documents[1].write()
		}
		if now >= *conflict && !refused {
			refused = true
			s.dispatch(0, 0, true)
		}
		perTick := *edits * (1 + 0.5*math.Sin(now/6))
		for owed += perTick / steps; owed >= 1; owed-- {
			s.dispatch(s.popular(), lab.Rand.IntN(lab.MiB), false)
		}
	})
}
