// Package typeindex keeps the types of each file in a sync.Map keyed by absolute
// path. Its leak: a renamed file is stored under its new path, and the entry of
// the old path, which nobody asks for any more, stays for ever.
package typeindex

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"sync"

	"leakserver/internal/budget"
)

// Index holds a *types.Info for each file.
type Index struct {
	leak  *budget.Budget
	infos sync.Map // absolute path to *types.Info

	mu    sync.Mutex
	texts map[string]string // open documents, by their address
}

// New returns an index that leaks as long as the budget lets it; with an empty
// budget it is the fixed one.
func New(leak *budget.Budget) *Index {
	return &Index{leak: leak, texts: map[string]string{}}
}

// DidChange checks the new version and stores it over the one before.
func (x *Index) DidChange(uri string, _ int, text string) error {
	x.mu.Lock()
	x.texts[uri] = text
	x.mu.Unlock()
	return x.checkAndStore(uri, text)
}

// DidRename stores the file under its new path. The fix is to delete the old one.
func (x *Index) DidRename(uri, newURI string) error {
	x.mu.Lock()
	text, open := x.texts[uri]
	delete(x.texts, uri)
	x.texts[newURI] = text
	x.mu.Unlock()
	if !open {
		return fmt.Errorf("%s is not open", uri)
	}
	if !x.leak.Take(len(text)) {
		x.DidClose(uri)
	}
	return x.checkAndStore(newURI, text)
}

// checkAndStore is the function that a profile shows growing.
func (x *Index) checkAndStore(uri, text string) error {
	path, err := absolute(uri)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{},
		Defs:  map[*ast.Ident]types.Object{},
		Uses:  map[*ast.Ident]types.Object{},
	}
	if _, err := new(types.Config).Check(file.Name.Name, fset, []*ast.File{file}, info); err != nil {
		return err
	}
	x.infos.Store(path, info)
	return nil
}

// DidClose deletes the entry of the file's present path.
func (x *Index) DidClose(uri string) {
	x.mu.Lock()
	delete(x.texts, uri)
	x.mu.Unlock()
	if path, err := absolute(uri); err == nil {
		x.infos.Delete(path)
	}
}

// Completion looks a file up.
func (x *Index) Completion(_ context.Context, uri string) error {
	path, err := absolute(uri)
	if err != nil {
		return err
	}
	if _, ok := x.infos.Load(path); !ok {
		return fmt.Errorf("%s is not open", uri)
	}
	return nil
}

// Len returns how many files are held.
func (x *Index) Len() int {
	n := 0
	x.infos.Range(func(any, any) bool { n++; return true })
	return n
}

func absolute(uri string) (string, error) {
	return filepath.Abs(strings.TrimPrefix(uri, "file://"))
}
