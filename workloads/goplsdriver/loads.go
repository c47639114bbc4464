package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"goplsdriver/internal/workspace"
)

// pace says how fast a load works, and where its leak stops.
type pace struct {
	edits         float64 // a second
	requests      float64 // a second, of those that are never answered
	maxRequests   int
	restoredBytes int // size of one restored file
	restoredBatch int
	restoredEvery time.Duration
	maxBytes      int64
}

// loads are what the editor may do with gopls, by the name of the leak that it drives.
var loads = map[string]func(context.Context, *editor, pace) error{
	"none":              editing,
	"file-cache":        restoring,
	"unanswered-config": asking,
}

// editing is the healthy load: a few documents open at any time, edited in turn,
// each with what editors ask for meanwhile; now and then one is closed for another.
func editing(ctx context.Context, e *editor, p pace) error {
	const open, turn = 4, 30
	files := len(e.ws.Files)
	for file := range open {
		if err := e.didOpen(file); err != nil {
			return err
		}
	}
	if err := e.warm(ctx); err != nil {
		return err
	}
	return each(ctx, p.edits, func(event int) error {
		first := event / turn
		if event%turn == 0 && event > 0 {
			if err := e.didClose((first - 1) % files); err != nil {
				return err
			}
			if err := e.didOpen((first + open - 1) % files); err != nil {
				return err
			}
		}
		return e.edit(ctx, (first+event%open)%files, event)
	})
}

// edit is one edit and the question that follows it.
func (e *editor) edit(ctx context.Context, file, event int) error {
	if err := e.didChange(file); err != nil {
		return err
	}
	var err error
	switch event % 3 {
	case 0:
		err = e.hover(ctx, file)
	case 1:
		_, err = e.call(ctx, "textDocument/documentSymbol", object{"textDocument": e.document(file)})
	case 2:
		_, err = e.call(ctx, "textDocument/completion", e.hoverParams(file))
	}
	return err
}

// asking sends requests that gopls queues, a goroutine each, behind the answer
// about its configuration that never comes.
func asking(ctx context.Context, e *editor, p pace) error {
	methods := []string{"textDocument/hover", "textDocument/documentHighlight", "textDocument/definition"}
	if err := e.didOpen(0); err != nil {
		return err
	}
	return each(ctx, p.requests, func(event int) error {
		if event >= p.maxRequests {
			return nil
		}
		return e.conn.Send(methods[event%len(methods)], e.hoverParams(0))
	})
}

// restoring edits, and meanwhile lets batches of generated files come and go as
// a build cache does: gopls keeps what it has read of each by inode, for ever.
func restoring(ctx context.Context, e *editor, p pace) error {
	failed := make(chan error, 1)
	go func() { failed <- batches(ctx, e, p) }()
	if err := editing(ctx, e, p); err != nil {
		return err
	}
	return <-failed
}

func batches(ctx context.Context, e *editor, p pace) error {
	away := e.ws.Root + ".away"
	if err := os.RemoveAll(away); err != nil {
		return err
	}
	for _, dir := range []string{away, filepath.Join(e.ws.Root, "restored")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	batch := int64(p.restoredBytes) * int64(p.restoredBatch)
	return each(ctx, 1/p.restoredEvery.Seconds(), func(event int) error {
		if int64(event+1)*batch > p.maxBytes {
			return nil
		}
		return e.restore(ctx, away, event, p)
	})
}

// restore puts one batch on disk, tells gopls, takes it away and tells it again.
func (e *editor) restore(ctx context.Context, away string, event int, p pace) error {
	paths := make([]string, p.restoredBatch)
	text := []byte(workspace.Restored(p.restoredBytes, event))
	// gopls keeps only what was written a while ago; restored files carry old times.
	old := time.Now().Add(-time.Hour)
	for i := range paths {
		paths[i] = filepath.Join(e.ws.Root, "restored", fmt.Sprintf("batch%d_%d.go", event, i))
		if err := os.WriteFile(paths[i], text, 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(paths[i], old, old); err != nil {
			return err
		}
	}
	if err := e.told(ctx, paths, fileCreated); err != nil {
		return err
	}
	for _, path := range paths {
		if err := os.Rename(path, filepath.Join(away, filepath.Base(path))); err != nil {
			return err
		}
	}
	if err := e.told(ctx, paths, fileDeleted); err != nil {
		return err
	}
	// The files must stay, or the next batch gets the same inodes and replaces
	// them in gopls's map; their bytes need not.
	for _, path := range paths {
		if err := os.Truncate(filepath.Join(away, filepath.Base(path)), 0); err != nil {
			return err
		}
	}
	return nil
}

// told notifies gopls and waits until it has taken note: it handles messages in
// their order, so the answer to a later request says so.
func (e *editor) told(ctx context.Context, paths []string, kind int) error {
	if err := e.didChangeWatchedFiles(paths, kind); err != nil {
		return err
	}
	_, err := e.call(ctx, "workspace/symbol", object{"query": "NoSuchName"})
	return err
}

// each calls do at the given rate with 0, 1, 2, ... until ctx ends or do fails.
func each(ctx context.Context, perSecond float64, do func(event int) error) error {
	ticker := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer ticker.Stop()
	for event := 0; ; event++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := do(event); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("event %d: %w", event, err)
		}
	}
}
