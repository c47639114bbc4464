// Package astcache keeps the syntax trees of open documents. Its leak is the one
// of a language server that never clears them: every version stays in the map,
// and its *token.File in the one FileSet that has seen every file ever parsed.
package astcache

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"sync"

	"leakserver/internal/budget"
)

// Cache holds the parsed versions of documents.
type Cache struct {
	leak *budget.Budget

	mu      sync.Mutex
	fset    *token.FileSet
	trees   map[string]*tree
	current map[string]string // document to its newest key in trees
}

type tree struct {
	source []byte
	file   *ast.File
}

// New returns a cache that leaks as long as the budget lets it; with an empty
// budget it is the fixed one.
func New(leak *budget.Budget) *Cache {
	return &Cache{leak: leak, fset: token.NewFileSet(), trees: map[string]*tree{}, current: map[string]string{}}
}

// DidChange parses the new version. The fix is to forget the one before it.
func (c *Cache) DidChange(uri string, version int, text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.leak.Take(2 * len(text)) { // the source, and the literals that the tree copies from it
		c.forget(uri)
	}
	return c.parseAndKeep(uri, version, text)
}

// parseAndKeep is the function that a profile shows growing.
func (c *Cache) parseAndKeep(uri string, version int, text string) error {
	source := make([]byte, len(text))
	copy(source, text)
	file, err := parser.ParseFile(c.fset, uri, source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%s@%d", uri, version)
	c.trees[key] = &tree{source: source, file: file}
	c.current[uri] = key
	return nil
}

// forget drops the newest version of a document, from the FileSet too.
func (c *Cache) forget(uri string) {
	key := c.current[uri]
	if t := c.trees[key]; t != nil {
		c.fset.RemoveFile(c.fset.File(t.file.FileStart))
	}
	delete(c.trees, key)
	delete(c.current, uri)
}

// DidClose drops the document; a leaking cache has lost its older versions.
func (c *Cache) DidClose(uri string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(uri)
}

// DidRename closes the document: the editor opens it anew under its new name.
func (c *Cache) DidRename(uri, _ string) error {
	c.DidClose(uri)
	return nil
}

// Completion reads the newest tree.
func (c *Cache) Completion(_ context.Context, uri string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trees[c.current[uri]] == nil {
		return fmt.Errorf("%s is not open", uri)
	}
	return nil
}

// Len returns how many trees are held.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.trees)
}
