// Program leases gives out leases that come with a timer for their expiry, a week away. A lease that is handed back
// stops its timer. After a long quiet plateau, renewals begin: each arms another timer and forgets the one before.
package main

import (
	"time"

	"verdicts/internal/lab"
)

const (
	held    = 4000 // leases at any time
	perTick = 40
	returns = 20 // leases a turn that are handed back and given out again
	onset   = 65
	renewed = 4 // renewals a turn
)

type lease struct {
	holder  []byte
	expires *time.Timer
}

type table struct{ leases []*lease }

func (t *table) expire(i int, holder []byte) { holder[0] = byte(i) }

func (t *table) arm(i int) *lease {
	holder := make([]byte, 16<<10+lab.Rand.IntN(16<<10))
	return &lease{holder: holder, expires: time.AfterFunc(7*24*time.Hour, func() { t.expire(i, holder) })}
}

func (t *table) handBack(i int) {
	t.leases[i].expires.Stop()
	t.leases[i] = t.arm(i)
}

// renew takes over the new holder's data and drops the old lease, whose timer goes on.
func (t *table) renew(i int) { t.leases[i] = t.arm(i) }

var request []byte

func main() {
	lab.Start()
	t := &table{leases: make([]*lease, held)}
	given, renewing := 0, false
	lab.Forever(perTick, func(now float64) {
		for ; given < held && given < int(held*now/6); given++ {
			t.leases[given] = t.arm(given)
		}
		if !renewing && now >= onset {
			renewing = true
			lab.Onset()
		}
		request = make([]byte, 384<<10)
		for i := 0; i < returns && given > 0; i++ {
			t.handBack(lab.Rand.IntN(given))
		}
		for i := 0; i < renewed && renewing; i++ {
			t.renew(lab.Rand.IntN(given))
		}
	})
}
