// Command lsp is an editor's language server: edits make snapshots, and each one's diagnostics are published under the
// document and its version. The leaking one does not take back those of a version that has been superseded.
package main

import (
	"flag"
	"fmt"
	"verdicts/internal/lab"
)

type node struct {
	kind       int
	start, end int
	kids       []*node
}

type snapshot struct {
	uri     string
	version int
	text    []byte
	root    *node
}

type document struct {
	uri     string
	history []*snapshot
}

type server struct {
	open      []*document
	serial    int
	published map[string]*snapshot
}

//go:noinline
func parse(text []byte, start, end, depth int) *node {
	n := &node{kind: depth, start: start, end: end}
	if depth == 0 {
		return n
	}
	n.kids = make([]*node, 0, 4)
	for i := range 4 {
		width := (end - start) / 4
		n.kids = append(n.kids, parse(text, start+i*width, start+(i+1)*width, depth-1))
	}
	return n
}

//go:noinline
func (s *server) snapshot(d *document, version int) *snapshot {
	text := make([]byte, *scale*(16*lab.KiB+lab.Rand.IntN(48*lab.KiB)))
	return &snapshot{d.uri, version, text, parse(text, 0, len(text), 4)}
}

func key(n *snapshot) string { return fmt.Sprint(n.uri, "@", n.version) }

func (s *server) edit(d *document, forget bool) {
	version := 1
	if len(d.history) > 0 {
		version = d.history[len(d.history)-1].version + 1
	}
	fresh := s.snapshot(d, version)
	s.published[key(fresh)] = fresh
	d.history = append(d.history, fresh)
	if len(d.history) > 5 {
		if forget {
			delete(s.published, key(d.history[0]))
		}
		d.history[0] = nil
		d.history = d.history[1:]
	}
}

func (s *server) close(i int) {
	d := s.open[i]
	for _, n := range d.history {
		delete(s.published, key(n))
	}
	last := len(s.open) - 1
	s.open[i] = s.open[last]
	s.open[last] = nil
	s.open = s.open[:last]
}

var scale = flag.Int("scale", 1, "how much longer than usual the files are")

func main() {
	leak := flag.Bool("leak", false, "keep what was published")
	most := flag.Int("documents", 40, "open at once, at most")
	lab.Start()
	s := &server{published: map[string]*snapshot{}}
	lab.Forever(40, func(now float64) {
		forget := !*leak || !lab.Leaks(now, 22)
		// A colleague works through a refactoring: many files at once, then few.
		want := *most/4 + *most*3/4*(int(now)/17%2)
		switch {
		case len(s.open) < want && lab.Rand.IntN(4) == 0:
			s.serial++
			s.open = append(s.open, &document{uri: fmt.Sprintf("file:///repo/pkg%d/file%d.go", s.serial%31, s.serial)})
		case len(s.open) > want && lab.Rand.IntN(3) == 0:
			s.close(lab.Rand.IntN(len(s.open)))
		}
		if len(s.open) > 0 {
			s.edit(s.open[lab.Rand.IntN(len(s.open))], forget)
		}
		lab.Garbage(150 * lab.KiB)
	})
}
