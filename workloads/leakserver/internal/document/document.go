// Package document makes the Go sources that the load generator edits.
package document

import (
	"fmt"
	"strings"
)

// Maker makes documents of one size. A quarter of a document is a comment and
// most of the rest one raw string literal, as in a generated file with embedded
// data: a few large allocations reach the wanted bytes at a fraction of the
// processor time of many small ones.
type Maker struct {
	comment string
	literal string
}

// NewMaker returns a maker of documents of about size bytes each.
func NewMaker(size int) *Maker {
	line := strings.Repeat("0123456789abcdef", 6) + "\n"
	lines := size/len(line) + 1
	return &Maker{
		comment: strings.Repeat("// "+line, lines/4),
		literal: strings.Repeat(line, lines-lines/4),
	}
}

// Text returns the source of one version of one document. It parses and type-checks.
func (m *Maker) Text(doc, version int) string {
	var b strings.Builder
	b.Grow(len(m.comment) + len(m.literal) + 2048)
	fmt.Fprintf(&b, "package doc%d\n\nconst version = %d\n\n", doc, version)
	for i := range 3 {
		fmt.Fprintf(&b, "// step%[1]d moves x on.\nfunc step%[1]d(x int) int {\n\tif x > %[2]d {\n\t\treturn x - version\n\t}\n\treturn x + %[1]d\n}\n\n", i, version)
	}
	b.WriteString(m.comment)
	b.WriteString("const payload = `\n")
	b.WriteString(m.literal)
	b.WriteString("`\n")
	return b.String()
}
