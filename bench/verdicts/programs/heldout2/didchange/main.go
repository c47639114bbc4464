// Didchange is a language server whose documents keep the parse of every version that was ever edited.
package main

import (
	"flag"
	"runtime"

	"verdicts/internal/lab"
)

type node struct {
	text     []byte
	children []*node
}

type document struct {
	current  *node
	versions []*node
}

type session struct{ open []*document }

func parse() *node {
	root := &node{}
	for range 24 {
		root.children = append(root.children, &node{text: make([]byte, 1024+lab.Rand.IntN(2048))})
	}
	return root
}

func (s *session) didChange(keep bool) {
	doc := s.open[lab.Rand.IntN(len(s.open))]
	doc.current = parse()
	if keep {
		doc.versions = append(doc.versions, doc.current)
	}
}

func main() {
	leak := flag.Bool("leak", false, "keep a share of the old versions")
	lab.Start()
	s := &session{}
	for range 600 {
		s.open = append(s.open, &document{current: parse()})
	}
	lab.Forever(400, func(now float64) {
		// An edit is kept for the undo history when it was saved; nothing ever prunes the history.
		saved := lab.Rand.IntN(100) < 15
		s.didChange(saved && *leak && lab.Leaks(now, 25))
		lab.Garbage(60 * lab.KiB)
	})
	runtime.KeepAlive(s)
}
