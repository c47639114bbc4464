// Package load is the editor: it opens a set of documents and edits them at a
// steady pace over HTTP, the same whether or not the server leaks.
package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"leakserver/internal/document"
	"leakserver/internal/lsp"
)

// Plan says what the editor does at each event.
type Plan struct {
	Rate          float64 // events a second
	Documents     int     // open at any time
	DocumentBytes int
	ChangeEvery   int  // each such event edits the next document; 1 for each
	Rename        bool // each event renames the document
	CompleteEvery int  // each such event asks for completions; 0 never
	ReopenEvery   int  // each such event closes the document and opens a new one; 0 never
}

// Editor drives one server.
type Editor struct {
	plan   Plan
	post   func(context.Context, lsp.Message) error
	maker  *document.Maker
	names  []string
	events int
}

// New returns an editor that posts to url.
func New(plan Plan, url string) *Editor {
	// One connection, kept: the load is the documents, not the dialling.
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: 30 * time.Second}
	return &Editor{
		plan: plan, maker: document.NewMaker(plan.DocumentBytes), names: make([]string, plan.Documents),
		post: func(ctx context.Context, msg lsp.Message) error { return post(ctx, client, url, msg) },
	}
}

// Run opens every document at once, so that the working set is reached within
// moments, and then edits at the planned rate until ctx ends. An error of the
// server ends it: a load that silently stops would look like a leak that healed.
func (e *Editor) Run(ctx context.Context) error {
	if err := e.Open(ctx); err != nil {
		return err
	}
	ticker := time.NewTicker(time.Duration(float64(time.Second) / e.plan.Rate))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := e.Step(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("event %d: %w", e.events, err)
		}
	}
}

// Open opens every document.
func (e *Editor) Open(ctx context.Context) error {
	for doc := range e.names {
		e.names[doc] = name(doc, 0)
		if err := e.send(ctx, lsp.DidOpen, doc); err != nil {
			return err
		}
	}
	return nil
}

// Step is one event: what the plan says is done to the next document.
func (e *Editor) Step(ctx context.Context) error {
	e.events++
	doc := e.events % len(e.names)
	if every(e.plan.ChangeEvery, e.events) {
		if err := e.send(ctx, lsp.DidChange, doc); err != nil {
			return err
		}
	}
	if every(e.plan.CompleteEvery, e.events) {
		if err := e.send(ctx, lsp.Completion, doc); err != nil {
			return err
		}
	}
	if every(e.plan.ReopenEvery, e.events) {
		if err := e.send(ctx, lsp.DidClose, doc); err != nil {
			return err
		}
		e.names[doc] = name(doc, e.events)
		return e.send(ctx, lsp.DidOpen, doc)
	}
	if e.plan.Rename {
		old := e.names[doc]
		e.names[doc] = name(doc, e.events)
		return e.post(ctx, lsp.Message{Method: lsp.DidRename, Params: lsp.Params{URI: old, NewURI: e.names[doc]}})
	}
	return nil
}

func (e *Editor) send(ctx context.Context, method string, doc int) error {
	params := lsp.Params{URI: e.names[doc]}
	if method == lsp.DidOpen || method == lsp.DidChange {
		params.Version, params.Text = e.events, e.maker.Text(doc, e.events)
	}
	return e.post(ctx, lsp.Message{Method: method, Params: params})
}

func name(doc, generation int) string {
	return fmt.Sprintf("file:///workspace/doc%d/gen%d.go", doc, generation)
}

func every(n, event int) bool { return n > 0 && event%n == 0 }

func post(ctx context.Context, client *http.Client, url string, msg lsp.Message) error {
	body, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s: %s: %s", msg.Method, resp.Status, bytes.TrimSpace(answer))
	}
	return nil
}
