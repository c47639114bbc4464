// Crawler visits a fixed list of pages again and again, keeps the title of each for the result list, and the pages it
// read last in a cache. Pages used to come in an old encoding, so that a title was a converted copy; from -utf8 on they
// come as UTF-8. With -leak the title of such a page is a substring of it, which keeps the whole page.
package main

import (
	"container/list"
	"flag"
	"strings"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "do not copy titles out of their pages")
	utf8  = flag.Float64("utf8", 70, "tick from which pages come as UTF-8")
	cache = flag.Int("cache", 28, "MiB of pages in the cache")
	pages = flag.Int("pages", 260, "pages fetched in a tick")
)

const (
	steps = 20
	known = 40000
)

type cached struct {
	url  int
	page string
}

type crawler struct {
	titles []string // by number of the page in the list
	next   int
	recent *list.List
	byURL  map[int]*list.Element
	held   int
	buffer []byte
}

// fetch reads a page of 8 to 40 KiB.
//
//go:noinline
func (c *crawler) fetch() string {
	n := 8*lab.KiB + lab.Rand.IntN(32*lab.KiB)
	buffer := c.buffer[:n]
	copy(buffer, "<html><head><title>Delivery times and returns</title></head>")
	for range 8 {
		buffer[64+lab.Rand.IntN(n-64)] = byte('a' + lab.Rand.IntN(26))
	}
	return string(buffer)
}

func title(page string) string {
	from := strings.Index(page, "<title>") + len("<title>")
	return page[from : from+strings.Index(page[from:], "<")]
}

func (c *crawler) visit(now float64) {
	page := c.fetch()
	if lab.Rand.IntN(5) > 1 {
		return // not modified, a redirect or a picture: nothing to index
	}
	url := c.next
	c.next = (c.next + 1) % known
	t := title(page)
	if now < *utf8 || !*leak {
		t = strings.Clone(t)
	}
	c.titles[url] = t
	c.remember(url, page)
}

func (c *crawler) remember(url int, page string) {
	if e := c.byURL[url]; e != nil {
		c.forget(e)
	}
	c.byURL[url] = c.recent.PushFront(cached{url, page})
	c.held += len(page)
	for c.held > *cache*lab.MiB {
		c.forget(c.recent.Back())
	}
}

func (c *crawler) forget(e *list.Element) {
	old := c.recent.Remove(e).(cached)
	delete(c.byURL, old.url)
	c.held -= len(old.page)
}

func main() {
	lab.Start()
	c := &crawler{titles: make([]string, known), recent: list.New(), byURL: map[int]*list.Element{}}
	c.buffer = []byte(strings.Repeat(" ", 40*lab.KiB))
	for i := range c.titles {
		c.titles[i] = strings.Clone("Delivery times and returns")
	}
	lab.Forever(steps, func(now float64) {
		if *leak {
			lab.Leaks(now, *utf8)
		}
		lab.Garbage(2 * lab.MiB / steps)
		for range *pages / steps {
			c.visit(now)
		}
	})
}
