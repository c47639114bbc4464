// Package leakgate lets `leakwarden gate` measure a Go test.
//
// A test binary ends before anybody could look at what its tests left in
// memory. With
//
//	func TestMain(m *testing.M) { leakgate.Main(m) }
//
// it runs its tests when the gate asks for it, as often as the gate asks, and
// serves pprof on a loopback port in between. Without the gate, that is without
// $LEAKWARDEN_GATE_ADDR_FILE, Main runs the tests once and exits, as if it were
// not there.
package leakgate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"time"
)

const (
	// AddrFile is the variable by which the gate says where it waits for the address.
	AddrFile = "LEAKWARDEN_GATE_ADDR_FILE"

	// patience is how long nobody may ask for anything before the gate is taken for dead.
	patience = 2 * time.Minute

	// profileRate is one sample for so many bytes allocated. The runtime's own
	// 512 KiB are too coarse to name the place of a mebibyte.
	profileRate = 4096
)

// As early as possible: the runtime wants the rate set before anything is allocated.
func init() {
	if os.Getenv(AddrFile) != "" {
		runtime.MemProfileRate = profileRate
	}
}

// Main does what TestMain has to do, and exits.
func Main(m interface{ Run() int }) {
	os.Exit(Run(m.Run))
}

// Run does the work when the gate asks for it, until the gate says that it is
// done; without a gate, once. It returns the exit code: that of the first work
// that failed, else 0; 2 where the gate could not be served.
func Run(work func() int) int {
	file := os.Getenv(AddrFile)
	if file == "" {
		return work()
	}
	// Processes that the tests start are none of the gate's business.
	os.Unsetenv(AddrFile)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return refuse(err)
	}
	s := newServer()
	web := &http.Server{Handler: s.handler()}
	go web.Serve(listener)
	defer stop(web)
	if err := announce(file, listener.Addr().String()); err != nil {
		return refuse(err)
	}
	return s.loop(work, patience)
}

// stop lets the answer to the last order out.
func stop(web *http.Server) {
	soon, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	web.Shutdown(soon)
}

func refuse(err error) int {
	fmt.Fprintln(os.Stderr, "leakgate:", err)
	return 2
}

// announce makes the file appear with the address in it, whole or not at all.
func announce(file, addr string) error {
	whole := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(whole, []byte(addr+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(whole)
	err := os.Link(whole, file)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("the gate measures another test binary already: give it one package at a time")
	}
	return err
}

// server takes the gate's orders. Work is done by the goroutine that called
// Run, as it would be without a gate; handlers only hand orders on.
type server struct {
	orders chan order
	asked  chan struct{} // somebody asked for something
}

// order is one round of work, or the end; the outcome goes into done.
type order struct {
	end  bool
	done chan int
}

func newServer() *server {
	return &server{orders: make(chan order), asked: make(chan struct{}, 1)}
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	// Not "POST /…" patterns: they mean something else in a module whose go.mod says go 1.21 or less.
	mux.HandleFunc("/leakgate/run", func(w http.ResponseWriter, r *http.Request) { s.order(w, r, false) })
	mux.HandleFunc("/leakgate/end", func(w http.ResponseWriter, r *http.Request) { s.order(w, r, true) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.asked <- struct{}{}:
		default:
		}
		mux.ServeHTTP(w, r)
	})
}

// order hands an order on and answers with the exit code when it is carried out.
func (s *server) order(w http.ResponseWriter, r *http.Request, end bool) {
	if r.Method != http.MethodPost {
		http.Error(w, "an order is a POST", http.StatusMethodNotAllowed)
		return
	}
	o := order{end: end, done: make(chan int, 1)}
	select {
	case s.orders <- o:
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]int{"exitCode": <-o.done})
}

// loop carries orders out until the end is ordered, or nobody has asked for anything for so long.
func (s *server) loop(work func() int, patience time.Duration) int {
	code := 0
	for {
		// A new one each time: below go 1.23 in go.mod, one that fired during the work would still be heard after Reset.
		alone := time.NewTimer(patience)
		select {
		case o := <-s.orders:
			if o.end {
				o.done <- code
				return code
			}
			done := work()
			if code == 0 {
				code = done
			}
			o.done <- done
		case <-s.asked:
		case <-alone.C:
			return refuse(fmt.Errorf("nobody has asked for anything for %v: is the gate gone?", patience))
		}
		alone.Stop()
	}
}
