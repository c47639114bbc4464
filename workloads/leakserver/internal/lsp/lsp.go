// Package lsp is the wire between an editor and the server: JSON messages with
// the method names and parameters of the language server protocol, over HTTP POST.
package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// MaxMessage bounds one message, in bytes.
const MaxMessage = 32 << 20

// Methods of the protocol that the server understands.
const (
	DidOpen    = "textDocument/didOpen"
	DidChange  = "textDocument/didChange"
	DidClose   = "textDocument/didClose"
	Completion = "textDocument/completion"
	DidRename  = "workspace/didRenameFiles"
)

// Message is one notification or request.
type Message struct {
	Method string `json:"method"`
	Params Params `json:"params"`
}

// Params holds the parameters of every method; each uses its own.
type Params struct {
	URI     string `json:"uri"`
	Version int    `json:"version,omitempty"`
	Text    string `json:"text,omitempty"`
	NewURI  string `json:"newUri,omitempty"`
}

// Workspace is what an editor's messages act upon.
type Workspace interface {
	// DidChange takes a new version of a document; opening is its first change.
	DidChange(uri string, version int, text string) error
	DidClose(uri string)
	DidRename(uri, newURI string) error
	// Completion waits for what is known of a document, at most until ctx ends.
	Completion(ctx context.Context, uri string) error
}

// Handler serves one workspace.
type Handler struct {
	Workspace Workspace
}

// ServeHTTP decodes one message and answers 204, or 400 with the reason.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var msg Message
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxMessage)).Decode(&msg); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := h.dispatch(r.Context(), msg); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Handler) dispatch(ctx context.Context, msg Message) error {
	p := msg.Params
	switch msg.Method {
	case DidOpen, DidChange:
		return h.Workspace.DidChange(p.URI, p.Version, p.Text)
	case DidClose:
		h.Workspace.DidClose(p.URI)
		return nil
	case DidRename:
		return h.Workspace.DidRename(p.URI, p.NewURI)
	case Completion:
		return h.Workspace.Completion(ctx, p.URI)
	}
	return fmt.Errorf("unknown method %q", msg.Method)
}
