// Intern is a metrics collector that interns label sets, as there are many samples and few label sets. Healthy, the
// vocabulary is finite and the table saturates. With -leak an exporter begins to put the request's id into a label.
package main

import (
	"flag"
	"strconv"

	"verdicts/internal/lab"
)

var (
	leak       = flag.Bool("leak", false, "label sets with a request id")
	onset      = flag.Float64("onset", 32, "tick at which the new exporter is deployed")
	vocabulary = flag.Int("vocabulary", 150000, "distinct label sets")
	perTick    = flag.Int("rate", 6000, "samples a tick")
)

type table struct {
	known map[string]string
	hits  int
}

//go:noinline
func (t *table) intern(label []byte) string {
	if s, ok := t.known[string(label)]; ok {
		t.hits++
		return s
	}
	s := string(label)
	t.known[s] = s
	return s
}

var request int

//go:noinline
func encode(label []byte, set int, traced bool) []byte {
	label = append(label[:0], `{__name__="http_request_duration_seconds_bucket",set="`...)
	label = strconv.AppendInt(label, int64(set), 10)
	for i := range 14 + set%5 {
		label = append(label, `",label_`...)
		label = strconv.AppendInt(label, int64(i), 10)
		label = append(label, `="value-of-label-`...)
		label = strconv.AppendInt(label, int64(set*31+i), 36)
	}
	if traced {
		request++
		label = append(label, `",request_id="`...)
		label = strconv.AppendInt(label, int64(request), 16)
	}
	return append(label, `"}`...)
}

type scrape struct {
	series []string
	values []float64
}

func main() {
	lab.Start()
	t := &table{known: map[string]string{}}
	label := make([]byte, 0, 4*lab.KiB)
	var last [8]*scrape
	n := 0
	lab.Forever(40, func(now float64) {
		traced := *leak && lab.Leaks(now, *onset)
		s := &scrape{}
		for range *perTick / 40 {
			set := lab.Rand.IntN(*vocabulary)
			label = encode(label, set, traced && lab.Rand.IntN(100) < 52)
			s.series = append(s.series, t.intern(label))
			s.values = append(s.values, lab.Rand.Float64())
		}
		n++
		last[n%8] = s
		lab.Garbage(400 * lab.KiB)
	})
}
