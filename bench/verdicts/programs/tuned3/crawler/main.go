// Crawler follows the links of one large site. At first each page has more new links than it takes from the frontier, in
// the end hardly any; the frontier grows, shrinks, and the crawl starts over some time later.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	pages = flag.Int("pages", 52000, "pages of the site")
	rate  = flag.Int("rate", 760, "pages fetched a tick")
)

type link struct {
	url     string
	page    int
	context []byte
}

type frontier struct {
	head, tail [][]*link
	n          int
}

func (f *frontier) push(l *link) {
	if len(f.tail) == 0 || len(f.tail[len(f.tail)-1]) == 512 {
		f.tail = append(f.tail, make([]*link, 0, 512))
	}
	last := len(f.tail) - 1
	f.tail[last] = append(f.tail[last], l)
	f.n++
}

func (f *frontier) pop() *link {
	if len(f.head) == 0 {
		f.head, f.tail = f.tail, nil
	}
	l := f.head[0][0]
	f.head[0][0] = nil
	if f.head[0] = f.head[0][1:]; len(f.head[0]) == 0 {
		f.head[0] = nil
		f.head = f.head[1:]
	}
	f.n--
	return l
}

//go:noinline
func extract(page int) *link {
	return &link{url: fmt.Sprintf("https://example.org/%d/index.html", page), page: page, context: make([]byte, 3*lab.KiB+lab.Rand.IntN(7*lab.KiB))}
}

func main() {
	lab.Start()
	seen := make([]bool, *pages)
	f := &frontier{}
	pause := 0.0
	lab.Forever(*rate/10, func(now float64) {
		lab.Garbage(150 * lab.KiB)
		if f.n == 0 {
			if now < pause {
				return
			}
			clear(seen)
			for i := range 200 {
				seen[i] = true
				f.push(extract(i))
			}
			pause = now + 130
		}
		for n := 0; n < 10 && f.n > 0; n++ {
			f.pop()
			for range 3 {
				if p := lab.Rand.IntN(*pages); !seen[p] {
					seen[p] = true
					f.push(extract(p))
				}
			}
		}
	})
}
