// Program workspace is a language server whose editor opens a project, types for a while, closes everything and comes
// back later. Every edit parses a new snapshot of a document and drops the one before. With -leak, from the second
// project on, the snapshot that a quick fix was computed for is kept: its reference is never given back.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "quick fixes hold on to their snapshots from tick 40 on")

const (
	documents = 400
	cycle     = 36 // ticks from opening to opening
	opening   = 6
	closing   = 28
	perTick   = 40
	editsTurn = 3
	onset     = 40
)

type snapshot struct {
	tokens []byte
	uses   int
}

type store struct{ snapshots map[string]*snapshot }

func key(document, version int) string {
	return fmt.Sprintf("file:///src/f%d.go@%d", document, version)
}

func (s *store) parse(document, version int) {
	s.snapshots[key(document, version)] = &snapshot{tokens: make([]byte, 192<<10+lab.Rand.IntN(128<<10)), uses: 1}
}

func (s *store) release(document, version int) {
	k := key(document, version)
	if snap := s.snapshots[k]; snap != nil {
		if snap.uses--; snap.uses == 0 {
			delete(s.snapshots, k)
		}
	}
}

// quickFix takes a second use of the snapshot, and the new code path forgets to give it back.
func (s *store) quickFix(document, version int, forget bool) {
	s.snapshots[key(document, version)].uses++
	if !forget {
		s.snapshots[key(document, version)].uses--
	}
}

func main() {
	lab.Start()
	s := &store{snapshots: map[string]*snapshot{}}
	version := make([]int, documents)
	open, edits, leaking := 0, 0, false
	lab.Forever(perTick, func(now float64) {
		if *leak && !leaking && now >= onset {
			leaking = true
			lab.Onset()
		}
		at := now - cycle*float64(int(now/cycle))
		want := 0
		if at < closing {
			want = min(documents, int(documents*at/opening))
		}
		for ; open < want; open++ {
			version[open]++
			s.parse(open, version[open])
		}
		for ; open > want; open-- {
			s.release(open-1, version[open-1])
		}
		for i := 0; i < editsTurn && open > 0; i++ {
			edits++
			d := lab.Rand.IntN(open)
			if edits%6 == 0 {
				s.quickFix(d, version[d], leaking)
			}
			version[d]++
			s.parse(d, version[d])
			s.release(d, version[d]-1)
		}
	})
}
