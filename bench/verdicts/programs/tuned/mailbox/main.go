// Mailbox puts messages into a large buffered channel. With -leak the reader has gone and nothing drains it; without,
// the reader stops for twelve ticks in every 45 and then catches up.
package main

import (
	"flag"
	"math"
	"time"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "lose the reader for good")
	onset = flag.Float64("onset", 25, "tick at which the reader stops")
)

type message struct {
	from string
	body []byte
}

type mailbox struct{ messages chan *message }

func (m *mailbox) post(size int) {
	m.messages <- &message{from: "peer", body: make([]byte, size)}
}

func (m *mailbox) read(began time.Time) {
	var read int
	for {
		now := float64(time.Since(began)) / float64(lab.Ticks(1))
		if *leak && now >= *onset {
			return
		}
		if at := math.Mod(now-*onset+45, 45); now < *onset || at >= 12 {
			// A slow reader: at most 1,000 a tick.
			for n := 0; n < 20 && len(m.messages) > 0; n++ {
				read += len((<-m.messages).body)
			}
		}
		time.Sleep(lab.Ticks(0.02))
	}
}

func main() {
	lab.Start()
	m := &mailbox{messages: make(chan *message, 1<<20)}
	state := make([]byte, 20*lab.MiB)
	go m.read(time.Now())
	lab.Forever(50, func(now float64) {
		lab.Garbage(lab.MiB)
		state[lab.Rand.IntN(len(state))]++
		if *leak {
			lab.Leaks(now, *onset)
		}
		for range 8 {
			m.post(4*lab.KiB + lab.Rand.IntN(12*lab.KiB))
		}
	})
}
