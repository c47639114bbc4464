// Package analysis is a completion service that analyses each version of a
// document in a goroutine of its own. Its leak: the result goes into a channel
// that nobody reads any more once the next version has come, and the sender
// never watches ctx.Done(), so goroutine and package stay for ever.
package analysis

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"runtime/pprof"
	"sync"

	"leakserver/internal/budget"
)

// Service holds one running analysis for each open document.
type Service struct {
	leak *budget.Budget

	mu      sync.Mutex
	running map[string]*run
}

type run struct {
	cancel  context.CancelFunc
	results chan *parsedPackage
}

type parsedPackage struct {
	source []byte
	file   *ast.File
}

// New returns a service that leaks as long as the budget lets it; with an empty
// budget it is the fixed one.
func New(leak *budget.Budget) *Service {
	return &Service{leak: leak, running: map[string]*run{}}
}

// DidChange starts the analysis of the new version and cancels the one before it.
func (s *Service) DidChange(uri string, version int, text string) error {
	ctx, cancel := context.WithCancel(context.Background())
	next := &run{cancel: cancel, results: make(chan *parsedPackage)}
	s.replace(uri, next)
	labels := pprof.Labels("doc_id", uri, "doc_mode", "edit")
	if s.leak.Take(2 * len(text)) {
		go s.analyzeAndSend(labels, uri, text, next.results)
	} else {
		go s.analyzeUntilDone(ctx, labels, uri, text, next.results)
	}
	return nil
}

// replace makes next the run of the document, nil none, and cancels the run before.
func (s *Service) replace(uri string, next *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.running[uri]; old != nil {
		old.cancel()
	}
	if next == nil {
		delete(s.running, uri)
		return
	}
	s.running[uri] = next
}

// analyzeAndSend is the function that a goroutine profile shows blocked: it
// sends whether or not somebody still reads.
func (s *Service) analyzeAndSend(labels pprof.LabelSet, uri, text string, results chan<- *parsedPackage) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), labels))
	results <- parse(uri, text)
}

// analyzeUntilDone is the fix: a cancelled analysis ends.
func (s *Service) analyzeUntilDone(ctx context.Context, labels pprof.LabelSet, uri, text string, results chan<- *parsedPackage) {
	pprof.SetGoroutineLabels(pprof.WithLabels(ctx, labels))
	select {
	case results <- parse(uri, text):
	case <-ctx.Done():
	}
}

// parse keeps what it could read of a document; half-typed text is no error.
func parse(uri, text string) *parsedPackage {
	source := make([]byte, len(text))
	copy(source, text)
	file, _ := parser.ParseFile(token.NewFileSet(), uri, source, parser.SkipObjectResolution)
	return &parsedPackage{source: source, file: file}
}

// Completion takes the result of the newest analysis.
func (s *Service) Completion(ctx context.Context, uri string) error {
	s.mu.Lock()
	current := s.running[uri]
	s.mu.Unlock()
	if current == nil {
		return fmt.Errorf("%s is not open", uri)
	}
	select {
	case <-current.results:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DidClose cancels the running analysis.
func (s *Service) DidClose(uri string) { s.replace(uri, nil) }

// DidRename closes the document: the editor opens it anew under its new name.
func (s *Service) DidRename(uri, _ string) error {
	s.DidClose(uri)
	return nil
}
