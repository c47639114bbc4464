// Gateway leaks at three places at once, a third each: the route log, the responses it keeps for retries and the
// clients it has seen.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 20, "tick from which nothing is dropped")

type gateway struct {
	routes  [][]byte
	retries map[int][]byte
	clients map[string]*client
	served  int
}

type client struct {
	address string
	window  [256]int64
}

func (g *gateway) logRoute() { g.routes = append(g.routes, make([]byte, 1000+lab.Rand.IntN(3000))) }

func (g *gateway) keepResponse() {
	g.retries[g.served] = make([]byte, 10*lab.KiB+lab.Rand.IntN(50*lab.KiB))
}

func (g *gateway) see() {
	address := fmt.Sprintf("10.%d.%d.%d:%d", g.served>>16&255, g.served>>8&255, g.served&255, lab.Rand.IntN(60000))
	g.clients[address] = &client{address: address}
}

func main() {
	lab.Start()
	g := &gateway{retries: map[int][]byte{}, clients: map[string]*client{}}
	lab.Forever(40, func(now float64) {
		lab.Garbage(lab.MiB)
		leaking := lab.Leaks(now, *onset)
		for range 20 {
			g.served++
			g.logRoute()
			g.see()
		}
		g.keepResponse()
		if !leaking && len(g.routes) > 2000 {
			g.routes, g.retries, g.clients = nil, map[int][]byte{}, map[string]*client{}
		}
	})
}
