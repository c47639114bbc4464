// Program debounce waits for a pause in the typing before it checks a file. Each keystroke is to call off the wait of
// the one before. In files that were renamed while open it looks for that wait under the new name, does not find it,
// and the old one waits for ever. Typing comes in bursts.
package main

import (
	"fmt"

	"verdicts/internal/lab"
)

const (
	perTick = 40
	onset   = 28
	pause   = 7 // ticks from burst to burst, of which two are typing
	files   = 12
)

type wait struct{ off chan struct{} }

type debouncer struct{ waits map[string]*wait }

func (d *debouncer) hold(w *wait, text []byte) {
	<-w.off
	text[0]++
}

func (d *debouncer) keystroke(name, later string, text []byte) {
	if before := d.waits[name]; before != nil {
		close(before.off)
		delete(d.waits, name)
	}
	w := &wait{off: make(chan struct{})}
	d.waits[later] = w
	go d.hold(w, text)
}

var checked []byte

func main() {
	lab.Start()
	d := &debouncer{waits: map[string]*wait{}}
	renamed := false
	lab.Forever(perTick, func(now float64) {
		checked = make([]byte, 640<<10)
		typing := int(now)%pause < 2
		if !renamed && now >= onset && typing {
			renamed = true
			lab.Onset()
		}
		if !typing {
			return
		}
		for i := range 3 {
			name := fmt.Sprintf("file%d.go", lab.Rand.IntN(files))
			later := name
			if renamed && i < 2 {
				later = "renamed/" + name
			}
			d.keystroke(name, later, make([]byte, 1<<10))
		}
	})
}
