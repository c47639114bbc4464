// Broker keeps the subscriptions of a message broker: by topic, each with the window of messages that its client has
// not acknowledged. Clients come and go all the time, and their number wanders with the load. From -shared on half of
// them join a consumer group, "$share/GROUP/TOPIC". With -leak unsubscribing looks such a subscription up under the
// name that the client sent, not under the topic that it was filed under.
package main

import (
	"flag"
	"fmt"
	"strings"

	"verdicts/internal/lab"
)

var (
	leak   = flag.Bool("leak", false, "look shared subscriptions up under the raw name")
	shared = flag.Float64("shared", 40, "tick from which clients use consumer groups")
	most   = flag.Int("most", 1800, "most clients at a time")
	churn  = flag.Int("churn", 100, "clients replaced in a tick")
)

const steps = 20

type subscription struct {
	filter string
	window []byte
	head   int
}

type broker struct {
	topics map[string][]*subscription
	live   []*subscription
	target int
	until  float64
}

// topicOf strips the group from a filter.
func topicOf(filter string) string {
	if rest, ok := strings.CutPrefix(filter, "$share/"); ok {
		_, topic, _ := strings.Cut(rest, "/")
		return topic
	}
	return filter
}

//go:noinline
func (b *broker) subscribe(filter string) *subscription {
	s := &subscription{filter: filter, window: make([]byte, 8*lab.KiB+lab.Rand.IntN(16*lab.KiB))}
	topic := topicOf(filter)
	b.topics[topic] = append(b.topics[topic], s)
	return s
}

func (b *broker) unsubscribe(s *subscription) {
	topic := topicOf(s.filter)
	if *leak {
		topic = s.filter
	}
	list := b.topics[topic]
	for i, other := range list {
		if other == s {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			b.topics[topic] = list[:len(list)-1]
			return
		}
	}
}

func (b *broker) join(now float64) {
	topic := fmt.Sprintf("plant/%02d/line/%02d", lab.Rand.IntN(12), lab.Rand.IntN(40))
	if now >= *shared && lab.Rand.IntN(2) == 0 {
		topic = fmt.Sprintf("$share/workers%d/%s", lab.Rand.IntN(4), topic)
	}
	b.live = append(b.live, b.subscribe(topic))
}

func (b *broker) leave(i int) {
	b.unsubscribe(b.live[i])
	last := len(b.live) - 1
	b.live[i], b.live[last] = b.live[last], nil
	b.live = b.live[:last]
}

// publish overwrites a little of the windows of some topic; nothing is kept beyond them.
func (b *broker) publish() {
	topic := fmt.Sprintf("plant/%02d/line/%02d", lab.Rand.IntN(12), lab.Rand.IntN(40))
	for _, s := range b.topics[topic][:min(8, len(b.topics[topic]))] {
		s.head = (s.head + 64) % len(s.window)
		s.window[s.head]++
	}
}

func main() {
	lab.Start()
	b := &broker{topics: map[string][]*subscription{}}
	lab.Forever(steps, func(now float64) {
		if *leak {
			lab.Leaks(now, *shared)
		}
		if now >= b.until {
			// The load moves to another level and takes some ticks to get there.
			b.target = *most/4 + lab.Rand.IntN(*most*3/4)
			b.until = now + 8 + 25*lab.Rand.Float64()
		}
		lab.Garbage(14 * lab.MiB / steps)
		for range 10 {
			b.publish()
		}
		for range *churn / steps {
			if len(b.live) > 0 {
				b.leave(lab.Rand.IntN(len(b.live)))
			}
			b.join(now)
		}
		for range 3 {
			if len(b.live) < b.target {
				b.join(now)
			} else if len(b.live) > b.target {
				b.leave(lab.Rand.IntN(len(b.live)))
			}
		}
	})
}
