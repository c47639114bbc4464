// Command goplsdriver is an editor without a screen: it starts gopls as its child
// over stdio, as editors do, opens a small module and works in it. The work is
// healthy, or drives one of two leaks of gopls v0.22.0.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"goplsdriver/internal/rpc"
	"goplsdriver/internal/workspace"
)

type options struct {
	gopls, debug, healthAddr, leak, dir string
	packages, gogc                      int
	pace                                pace
}

func main() {
	var o options
	flag.StringVar(&o.gopls, "gopls", "gopls", "the gopls program")
	flag.StringVar(&o.debug, "debug", "localhost:6060", "gopls's own -debug flag")
	flag.StringVar(&o.healthAddr, "health-addr", "", "where /healthz is served for a readiness probe; empty for nowhere")
	flag.StringVar(&o.leak, "leak", "none", "none, unanswered-config or file-cache")
	flag.StringVar(&o.dir, "dir", filepath.Join(os.TempDir(), "goplsdriver"), "where workspace and caches are put; what is there is replaced")
	flag.IntVar(&o.packages, "packages", 12, "packages in the workspace")
	flag.IntVar(&o.gogc, "gogc", 3, "GOGC of gopls")
	flag.Float64Var(&o.pace.edits, "edits", 0.5, "edits a second")
	flag.Float64Var(&o.pace.requests, "requests", 12, "unanswered-config: requests a second")
	flag.IntVar(&o.pace.maxRequests, "max-requests", 100_000, "unanswered-config: stop after so many")
	flag.IntVar(&o.pace.restoredBytes, "file-bytes", 1<<20, "file-cache: size of one file")
	flag.IntVar(&o.pace.restoredBatch, "files", 6, "file-cache: files a round")
	flag.DurationVar(&o.pace.restoredEvery, "every", 4*time.Second, "file-cache: time between rounds")
	flag.Int64Var(&o.pace.maxBytes, "max-bytes", 1536<<20, "file-cache: stop after so many bytes")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatal(err)
	}
}

// run drives one gopls until ctx ends, which kills it, or until either side fails.
func run(ctx context.Context, o options) error {
	load, known := loads[o.leak]
	if !known {
		return fmt.Errorf("unknown leak %q", o.leak)
	}
	if o.pace.edits <= 0 || o.pace.requests <= 0 || o.pace.restoredEvery <= 0 || o.packages < 8 {
		return errors.New("rates must be positive, and there must be at least 8 packages")
	}
	ws, err := workspace.Write(filepath.Join(o.dir, "workspace"), o.packages)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, o.gopls, "-debug="+o.debug)
	cmd.Dir, cmd.Stderr, cmd.Env = ws.Root, os.Stderr, environment(o)
	toGopls, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	fromGopls, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	log.Printf("gopls %d, leak %s, debug on %s", cmd.Process.Pid, o.leak, o.debug)
	conn := rpc.NewConn(fromGopls, toGopls, answers(o.leak != "unanswered-config"))
	ended := make(chan error, 3)
	go func() { ended <- fmt.Errorf("gopls ended: %w", conn.Run()) }()
	go func() {
		e := newEditor(conn, ws)
		if err := e.initialize(ctx); err != nil {
			ended <- err
			return
		}
		if o.healthAddr != "" { // an editor is ready when its server has answered
			go func() { ended <- http.ListenAndServe(o.healthAddr, http.HandlerFunc(healthy)) }()
		}
		ended <- load(ctx, e, o.pace)
	}()
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	if ctx.Err() != nil {
		err = nil
	}
	_ = cmd.Process.Kill() // it has no state of its own to save
	_ = cmd.Wait()
	return err
}

// environment is that of the process, with all that gopls and the go command
// write put below the driver's own directory. GOGC is low because profiles are
// as of the last collection: gopls carries a 95 MiB ballast so as to collect
// rarely, and at this small load would do so only every other minute. Without
// HOME there is no telemetry.
func environment(o options) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		fmt.Sprintf("GOGC=%d", o.gogc),
		"XDG_CACHE_HOME=" + filepath.Join(o.dir, "cache"),
		"GOCACHE=" + filepath.Join(o.dir, "cache", "go-build"),
		"GOPATH=" + filepath.Join(o.dir, "gopath"),
		"TMPDIR=" + os.TempDir(),
		"CGO_ENABLED=0", "GOENV=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOVCS=*:off",
	}
	if root := os.Getenv("GOROOT"); root != "" {
		env = append(env, "GOROOT="+root)
	}
	return env
}

func healthy(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/healthz" {
		http.NotFound(w, r)
		return
	}
	fmt.Fprintln(w, "ok")
}
