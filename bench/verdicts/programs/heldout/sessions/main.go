// Program sessions keeps what logged-in users carry with them from page to page. Logins follow a rhythm and every
// session ends with a logout. With -leak, a release halfway brings mobile clients whose tokens are in mixed case;
// logout looks them up in lower case and misses them.
package main

import (
	"flag"
	"fmt"
	"math"
	"strings"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "mobile tokens in mixed case from tick 32 on")

const (
	lifetime = 12 // ticks between login and logout
	perTick  = 40 // turns of the main loop
	release  = 32
)

type session struct {
	user   string
	basket []byte
}

type registry struct{ byToken map[string]*session }

func (r *registry) add(token, user string) {
	r.byToken[token] = &session{user: user, basket: make([]byte, 8<<10+lab.Rand.IntN(16<<10))}
}

func (r *registry) remove(token string) { delete(r.byToken, strings.ToLower(token)) }

type logout struct {
	at    float64
	token string
}

var page []byte

func render(size int) { page = make([]byte, size) }

// logins is how many users log in during one tick.
func logins(now float64) float64 {
	if *leak {
		return 400
	}
	return 480 + 330*math.Sin(2*math.Pi*now/30)
}

func main() {
	lab.Start()
	r := &registry{byToken: map[string]*session{}}
	var leaving []logout
	due, released, serial := 0.0, false, 0
	lab.Forever(perTick, func(now float64) {
		if *leak && !released && now >= release {
			released = true
			lab.Onset()
		}
		for due += logins(now) / perTick; due >= 1; due-- {
			serial++
			token := fmt.Sprintf("t%016x", lab.Rand.Uint64())
			if released && serial%2 == 0 {
				token = strings.ToUpper(token)
			}
			r.add(token, fmt.Sprint("user", serial%5000))
			leaving = append(leaving, logout{now + lifetime, token})
			render(96 << 10)
		}
		for len(leaving) > 0 && leaving[0].at <= now {
			r.remove(leaving[0].token)
			leaving = leaving[1:]
		}
	})
}
