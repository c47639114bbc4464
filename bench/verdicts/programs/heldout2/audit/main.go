// Audit keeps a short token of some requests, cut out of the body, which keeps the whole body alive.
package main

import "verdicts/internal/lab"

type audit struct{ tokens [][]byte }

func readBody() []byte {
	body := make([]byte, 16*lab.KiB+lab.Rand.IntN(48*lab.KiB))
	body[0] = 'x'
	return body
}

func (a *audit) record(body []byte) { a.tokens = append(a.tokens, body[100:132]) }

func main() {
	lab.Start()
	a := &audit{}
	config := make([]byte, 25*lab.MiB)
	lab.Forever(800, func(now float64) {
		body := readBody()
		if lab.Rand.IntN(100) < 11 && lab.Leaks(now, 20) {
			a.record(body)
		}
		config[1]++
		lab.Garbage(10 * lab.KiB)
	})
}
