package main

import (
	"fmt"

	"leakserver/internal/analysis"
	"leakserver/internal/astcache"
	"leakserver/internal/budget"
	"leakserver/internal/load"
	"leakserver/internal/lsp"
	"leakserver/internal/typeindex"
)

// shape is one way to leak: what serves the editor, and the load that shows it.
type shape struct {
	workspace func(*budget.Budget) lsp.Workspace
	plan      load.Plan
}

// shapes holds each shape with the load that it has by default. The memory
// shapes hold about 100 MiB a minute in few large pieces; did-change leaves
// about 540 small goroutines a minute.
var shapes = map[string]shape{
	"ast-cache": {
		workspace: func(b *budget.Budget) lsp.Workspace { return astcache.New(b) },
		plan:      load.Plan{Rate: 2.5, Documents: 16, DocumentBytes: 352 << 10, ChangeEvery: 1, ReopenEvery: 10},
	},
	"did-change": {
		workspace: func(b *budget.Budget) lsp.Workspace { return analysis.New(b) },
		plan:      load.Plan{Rate: 10, Documents: 16, DocumentBytes: 8 << 10, ChangeEvery: 1, CompleteEvery: 10},
	},
	"sync-map": {
		workspace: func(b *budget.Budget) lsp.Workspace { return typeindex.New(b) },
		plan:      load.Plan{Rate: 3.5, Documents: 17, DocumentBytes: 592 << 10, ChangeEvery: 4, Rename: true},
	},
}

// planFor returns the load of a shape with the values that flags override
// (zero: as the shape has it).
func (s shape) planFor(rate float64, documents, documentBytes int) (load.Plan, error) {
	if rate < 0 || documents < 0 || documentBytes < 0 {
		return load.Plan{}, fmt.Errorf("rate, documents and document-bytes must not be negative")
	}
	plan := s.plan
	if rate > 0 {
		plan.Rate = rate
	}
	if documents > 0 {
		plan.Documents = documents
	}
	if documentBytes > 0 {
		plan.DocumentBytes = documentBytes
	}
	return plan, nil
}
