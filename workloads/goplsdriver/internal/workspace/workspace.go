// Package workspace writes the small Go module that the editor works in.
package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Imports are the standard packages that the module's sources use. The image
// carries the sources of these and of what they need, and no others.
var Imports = []string{"errors", "sort", "strconv", "strings", "sync"}

// Workspace is a module on disk.
type Workspace struct {
	Root  string
	Files []string // absolute paths of the sources that are edited
}

// Write makes a module of n packages below root, replacing what is there.
func Write(root string, n int) (*Workspace, error) {
	w := &Workspace{Root: root}
	if err := os.RemoveAll(root); err != nil {
		return nil, err
	}
	if err := w.write("go.mod", "module workspace.example\n\ngo 1.26\n"); err != nil {
		return nil, err
	}
	for i := range n {
		name := fmt.Sprintf("internal/part%[1]d/part%[1]d.go", i)
		if err := w.write(name, Source(i, 0)); err != nil {
			return nil, err
		}
		w.Files = append(w.Files, filepath.Join(root, name))
	}
	return w, nil
}

func (w *Workspace) write(name, text string) error {
	path := filepath.Join(w.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// Source returns the text of package i after so many edits. It always compiles.
func Source(i, edit int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `// Package part%[1]d keeps names in order.
package part%[1]d

import (
	"errors"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// Edits counts the edits of this file.
const Edits = %[2]d

// ErrEmpty says that there is no name.
var ErrEmpty = errors.New("part%[1]d: empty")

// Names is a sorted set of names.
type Names struct {
	mu    sync.Mutex
	names []string
}

// Add adds one name.
func (n *Names) Add(name string) error {
	if strings.TrimSpace(name) == "" {
		return errors.Join(ErrEmpty, errors.New("after edit "+strconv.Itoa(Edits)))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at := sort.SearchStrings(n.names, name)
	if at < len(n.names) && n.names[at] == name {
		return nil
	}
	n.names = append(n.names[:at], append([]string{name}, n.names[at:]...)...)
	return nil
}
`, i, edit)
	for f := range 12 {
		fmt.Fprintf(&b, "\n// Step%[1]d moves x on.\nfunc Step%[1]d(x int) string {\n\tif x > Edits {\n\t\treturn strconv.Itoa(x - %[1]d)\n\t}\n\treturn strings.Repeat(\"x\", x)\n}\n", f)
	}
	return b.String()
}

// Hover is a position in every source at which there is something to say:
// the line and character (from 0) of the word Names in its type declaration.
func Hover() (int, int) {
	for i, line := range strings.Split(Source(0, 0), "\n") {
		if strings.HasPrefix(line, "type Names") {
			return i, len("type N")
		}
	}
	panic("the source has no type Names")
}

// Restored returns a generated source of about size bytes, nearly all comment,
// as a build cache or a branch switch puts it back on disk. It belongs to no build.
func Restored(size, n int) string {
	line := "// " + strings.Repeat("0123456789abcdef", 5) + "\n"
	return fmt.Sprintf("//go:build restored\n\npackage restored\n\nconst n = %d\n\n", n) + strings.Repeat(line, size/len(line))
}
