package main

import (
	"context"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"leakserver/internal/budget"
	"leakserver/internal/load"
	"leakserver/internal/lsp"
)

const events = 60

// heapAndGoroutines returns live heap bytes after a collection, and the count of goroutines.
func heapAndGoroutines() (int64, int) {
	runtime.GC()
	runtime.GC() // what the first one finalized goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), runtime.NumGoroutine()
}

// drive runs events of the shape's own load over HTTP and returns what they added.
func drive(t *testing.T, name string, leak *budget.Budget) (int64, int, load.Plan) {
	t.Helper()
	s := shapes[name]
	plan, err := s.planFor(0, 4, 64<<10)
	if err != nil {
		t.Fatal(err)
	}
	workspace := s.workspace(leak)
	server := httptest.NewServer(&lsp.Handler{Workspace: workspace})
	t.Cleanup(server.Close)
	editor := load.New(plan, server.URL)
	if err := editor.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	step := func(n int) {
		for range n {
			if err := editor.Step(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		settle()
	}
	step(2 * plan.Documents)
	heap, goroutines := heapAndGoroutines()
	step(events)
	heapAfter, goroutinesAfter := heapAndGoroutines()
	runtime.KeepAlive(workspace)
	return heapAfter - heap, goroutinesAfter - goroutines, plan
}

// settle waits until goroutines that were told to end have ended.
func settle() {
	deadline := time.Now().Add(2 * time.Second)
	for last, same := -1, 0; same < 3 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if n := runtime.NumGoroutine(); n == last {
			same++
		} else {
			last, same = n, 0
		}
	}
}

func TestEachMemoryShapeKeepsWhatItIsGivenUnlessFixed(t *testing.T) {
	for _, name := range []string{"ast-cache", "sync-map"} {
		t.Run(name, func(t *testing.T) {
			leaked, _, plan := drive(t, name, budget.New(1<<30, 1<<20))
			if want := int64(events*plan.DocumentBytes) * 7 / 10; leaked < want {
				t.Errorf("leaking: heap grew by %d bytes, want at least %d", leaked, want)
			}
			kept, _, plan := drive(t, name, &budget.Budget{})
			if most := int64(plan.DocumentBytes) * 2; kept > most {
				t.Errorf("fixed: heap grew by %d bytes, want at most %d", kept, most)
			}
		})
	}
}

func TestDidChangeLeavesAGoroutineForEachChangeThatNobodyReadsUnlessFixed(t *testing.T) {
	_, leaked, _ := drive(t, "did-change", budget.New(1<<30, 1<<20))
	if want := events * 8 / 10; leaked < want {
		t.Errorf("leaking: %d goroutines more, want at least %d", leaked, want)
	}
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if n := strings.Count(string(stacks), "chan send"); n < events/2 {
		t.Errorf("leaking: %d goroutines blocked on a channel send, want at least %d", n, events/2)
	}
	_, kept, _ := drive(t, "did-change", &budget.Budget{})
	if kept > 4 {
		t.Errorf("fixed: %d goroutines more, want at most one for each of 4 documents", kept)
	}
}

func TestALeakEndsWhereItsBudgetEnds(t *testing.T) {
	for name := range shapes {
		t.Run(name, func(t *testing.T) {
			heap, goroutines, plan := drive(t, name, budget.New(1<<30, 12))
			if most := int64(plan.DocumentBytes) * 2 * 16; heap > most {
				t.Errorf("heap grew by %d bytes, want at most %d", heap, most)
			}
			if goroutines > 16 {
				t.Errorf("%d goroutines more, want at most 16", goroutines)
			}
		})
	}
}

func TestABudgetOfBytesRefusesWhatDoesNotFit(t *testing.T) {
	b := budget.New(100, 10)
	if !b.Take(60) || b.Take(60) || !b.Take(40) || b.Take(1) {
		t.Error("want 60 and 40 of 100 bytes given, and nothing more")
	}
}
