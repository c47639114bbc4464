// Renames is the workspace of a language server: open files by path, each with its text and line index. With -leak a
// rename adds the new path and leaves the old one.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "leave the old path in the map")
	onset = flag.Float64("onset", 20, "tick of the first rename")
)

type file struct {
	text  []byte
	lines []int32
}

type workspace struct {
	files map[string]*file
	open  []string
	made  int
}

func (w *workspace) add(size int) string {
	w.made++
	path := fmt.Sprintf("/src/project/pkg%04d/file%07d.go", w.made%97, w.made)
	w.files[path] = w.load(size)
	return path
}

func (w *workspace) load(size int) *file {
	text := make([]byte, size)
	for at := 0; at < len(text); at += 40 {
		text[at] = '\n'
	}
	return &file{text: text, lines: make([]int32, size/40)}
}

func (w *workspace) rename(slot int) {
	old := w.open[slot]
	w.open[slot] = w.add(10*lab.KiB + lab.Rand.IntN(40*lab.KiB))
	if !*leak {
		delete(w.files, old)
	}
}

func main() {
	lab.Start()
	w := &workspace{files: map[string]*file{}}
	for range 1200 {
		w.open = append(w.open, w.add(10*lab.KiB+lab.Rand.IntN(40*lab.KiB)))
	}
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		if now < *onset {
			return
		}
		if *leak {
			lab.Leaks(now, *onset)
		}
		for range 5 {
			w.rename(lab.Rand.IntN(len(w.open)))
		}
	})
}
