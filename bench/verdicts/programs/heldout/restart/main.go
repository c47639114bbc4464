// Program restart warms a cache up within 12 ticks and is replaced by a fresh process, on the same address, every 45
// ticks, as an update does.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"strings"
	"syscall"

	"verdicts/internal/lab"
)

const (
	perTick = 40
	life    = 45
	warm    = 3600 // entries
)

// fixAddress lets the processes to come listen where this one does, even if it was told to take any port.
func fixAddress() {
	flag.Parse()
	address := flag.Lookup("listen").Value.String()
	if !strings.HasSuffix(address, ":0") {
		return
	}
	probe, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	probe.Close()
	os.Args = append(os.Args, "-listen", probe.Addr().String())
}

func entry() []byte { return make([]byte, 16<<10+lab.Rand.IntN(32<<10)) }

var reply []byte

func main() {
	fixAddress()
	lab.Start()
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	cache := make([][]byte, 0, warm)
	lab.Forever(perTick, func(now float64) {
		if now >= life {
			log.Fatal(syscall.Exec(program, os.Args, os.Environ()))
		}
		reply = make([]byte, 768<<10)
		for range 8 {
			if len(cache) < warm {
				cache = append(cache, entry())
			} else {
				cache[lab.Rand.IntN(warm)] = entry()
			}
		}
	})
}
