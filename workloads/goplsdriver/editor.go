package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"goplsdriver/internal/rpc"
	"goplsdriver/internal/workspace"
)

const (
	fileCreated = 1
	fileDeleted = 3

	callTimeout = time.Minute
	warmTimeout = 10 * time.Minute
)

// object is a JSON object of the protocol.
type object map[string]any

// editor holds the open documents of one gopls.
type editor struct {
	conn *rpc.Conn
	ws   *workspace.Workspace
	open map[int]int // index of a file to its version
}

func newEditor(conn *rpc.Conn, ws *workspace.Workspace) *editor {
	return &editor{conn: conn, ws: ws, open: map[int]int{}}
}

// answers returns how an editor answers gopls. One that answers no configuration
// stands for editors and plugins whose configuration provider hangs or has gone.
func answers(configuration bool) rpc.Answerer {
	return func(method string, params json.RawMessage) (any, bool) {
		if method != "workspace/configuration" {
			return nil, true // null is an answer to everything else that gopls asks
		}
		if !configuration {
			return nil, false
		}
		var asked struct {
			Items []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(params, &asked); err != nil {
			return nil, true
		}
		settings := make([]object, len(asked.Items))
		for i := range settings {
			settings[i] = object{}
		}
		return settings, true
	}
}

// initialize shakes hands as an editor does that serves configuration on request.
func (e *editor) initialize(ctx context.Context) error {
	root := uri(e.ws.Root)
	_, err := e.call(ctx, "initialize", object{
		"processId":        os.Getpid(),
		"clientInfo":       object{"name": "goplsdriver"},
		"rootUri":          root,
		"workspaceFolders": []object{{"uri": root, "name": filepath.Base(e.ws.Root)}},
		"capabilities": object{
			"workspace": object{
				"configuration":          true,
				"workspaceFolders":       true,
				"didChangeConfiguration": object{"dynamicRegistration": true},
				"didChangeWatchedFiles":  object{"dynamicRegistration": true},
			},
			"textDocument": object{"hover": object{"contentFormat": []string{"markdown"}}},
		},
	})
	if err != nil {
		return err
	}
	return e.conn.Notify("initialized", object{})
}

// warm lets gopls analyse the module and all it imports once, which it then finds
// in its cache. An edit cancels a running analysis: under a steady load a gopls
// with an empty cache would begin it anew at each edit and burn processor time.
func (e *editor) warm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, warmTimeout)
	defer cancel()
	_, err := e.conn.Call(ctx, "workspace/executeCommand", object{
		"command": "gopls.diagnose_files", "arguments": []object{{"Files": []string{uri(e.ws.Files[0])}}},
	})
	return err
}

func (e *editor) call(ctx context.Context, method string, params any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return e.conn.Call(ctx, method, params)
}

func (e *editor) didOpen(file int) error {
	e.open[file] = 1
	return e.conn.Notify("textDocument/didOpen", object{"textDocument": object{
		"uri": uri(e.ws.Files[file]), "languageId": "go", "version": 1, "text": workspace.Source(file, 0),
	}})
}

func (e *editor) didClose(file int) error {
	delete(e.open, file)
	return e.conn.Notify("textDocument/didClose", object{"textDocument": e.document(file)})
}

// didChange sends the file with one more edit. Every tenth takes the file back to
// where it began, as undoing does: gopls caches by content, and texts that never
// came again would fill its caches for an hour before they are full.
func (e *editor) didChange(file int) error {
	e.open[file]++
	version := e.open[file]
	return e.conn.Notify("textDocument/didChange", object{
		"textDocument":   object{"uri": uri(e.ws.Files[file]), "version": version},
		"contentChanges": []object{{"text": workspace.Source(file, version%10)}},
	})
}

// didChangeWatchedFiles tells gopls that files came or went on disk.
func (e *editor) didChangeWatchedFiles(paths []string, kind int) error {
	changes := make([]object, len(paths))
	for i, path := range paths {
		changes[i] = object{"uri": uri(path), "type": kind}
	}
	return e.conn.Notify("workspace/didChangeWatchedFiles", object{"changes": changes})
}

// hover asks about the type that each source declares.
func (e *editor) hover(ctx context.Context, file int) error {
	got, err := e.call(ctx, "textDocument/hover", e.hoverParams(file))
	if err == nil && string(got) == "null" {
		return fmt.Errorf("gopls has nothing to say about the type in %s", e.ws.Files[file])
	}
	return err
}

func (e *editor) hoverParams(file int) object {
	line, character := workspace.Hover()
	return object{"textDocument": e.document(file), "position": object{"line": line, "character": character}}
}

func (e *editor) document(file int) object { return object{"uri": uri(e.ws.Files[file])} }

func uri(path string) string { return "file://" + filepath.ToSlash(path) }
