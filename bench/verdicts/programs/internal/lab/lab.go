// Package lab is what every program of the benchmark shares: pprof on the address it is given, a clock that counts in
// sampling intervals, and the few words that the recorder reads on standard output.
//
// A program says how fast it leaks, fills or works per tick, and a tick is one sampling interval of its recording. So
// the same program can be recorded at any pace.
package lab

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	_ "net/http/pprof"
	"time"
)

var (
	listen = flag.String("listen", "127.0.0.1:0", "address to serve pprof on")
	tick   = flag.Duration("tick", time.Second, "one sampling interval of the recording")
	seed   = flag.Uint64("seed", 1, "of whatever is random")
)

// address is where pprof is served.
var address string

// Rand is the program's only source of chance. It belongs to the goroutine of main.
var Rand *rand.Rand

// Start parses the flags, serves pprof and says where, as "listening HOST:PORT".
func Start() {
	flag.Parse()
	Rand = rand.New(rand.NewPCG(*seed, *seed))
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	address = listener.Addr().String()
	fmt.Println("listening", address)
}

// Ticks is so many sampling intervals.
func Ticks(n float64) time.Duration { return time.Duration(n * float64(*tick)) }

// Forever calls work perTick times in every tick, evenly spread, with the ticks gone since the first call.
func Forever(perTick int, work func(now float64)) {
	began := time.Now()
	step := Ticks(1 / float64(perTick))
	for n := 0; ; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * step)))
		work(float64(time.Since(began)) / float64(*tick))
	}
}

// Onset says that the leak begins now, as "onset UNIX-MILLISECONDS". Leaking programs say it once; healthy ones never.
func Onset() { fmt.Println("onset", time.Now().UnixMilli()) }
