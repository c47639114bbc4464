// Astcache parses every version of an edited file and keeps the syntax trees by version, all in one file set. With
// -leak nothing clears it; without, a file keeps its newest version and the file set is replaced when it has grown old.
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"strings"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "keep every version")
	onset = flag.Float64("onset", 20, "tick of the first edit")
)

const files = 60

type snapshot struct {
	fset  *token.FileSet
	trees map[string]*ast.File
}

func (s *snapshot) parse(key, source string) {
	tree, err := parser.ParseFile(s.fset, key, source, parser.ParseComments)
	if err != nil {
		log.Fatal(err)
	}
	s.trees[key] = tree
}

func source(functions int) string {
	var b strings.Builder
	b.WriteString("package generated\n")
	for n := range functions {
		fmt.Fprintf(&b, "\n// F%d adds.\nfunc F%d(a, b int) int {\n\tif a > %d {\n\t\treturn b + g(a, b*%d)\n\t}\n\treturn a\n}\n",
			n, n, lab.Rand.IntN(100), lab.Rand.IntN(100))
	}
	return b.String()
}

func main() {
	lab.Start()
	fresh := func() *snapshot { return &snapshot{token.NewFileSet(), map[string]*ast.File{}} }
	s := fresh()
	for n := range files {
		s.parse(fmt.Sprintf("file%d.go", n), source(200))
	}
	version := 0
	lab.Forever(10, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		if now < *onset {
			return
		}
		version++
		if *leak {
			lab.Leaks(now, *onset)
			s.parse(fmt.Sprintf("file%d.go@%d", version%files, version), source(200+lab.Rand.IntN(40)))
			return
		}
		if version%(4*files) == 0 {
			s = fresh()
		}
		s.parse(fmt.Sprintf("file%d.go", version%files), source(200+lab.Rand.IntN(40)))
	})
}
