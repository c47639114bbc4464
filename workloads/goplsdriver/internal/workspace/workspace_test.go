package workspace

import (
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestEverySourceTypeChecksAfterAnyEdit(t *testing.T) {
	for _, edit := range []int{0, 1, 4711} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "part3.go", Source(3, edit), 0)
		if err != nil {
			t.Fatal(err)
		}
		conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
		if _, err := conf.Check("part3", fset, []*ast.File{file}, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestSourcesImportJustWhatTheImageCarries(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "part0.go", Source(0, 0), parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		imports = append(imports, path)
	}
	if !slices.Equal(imports, Imports) {
		t.Errorf("sources import %v, Imports has %v", imports, Imports)
	}
}

func TestRestoredFilesBelongToNoBuildAndHaveTheirSize(t *testing.T) {
	text := Restored(1<<20, 7)
	if n := len(text); n < 1<<20-200 || n > 1<<20+200 {
		t.Errorf("%d bytes, want about 1 MiB", n)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/r.go", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if matches, err := build.Default.MatchFile(dir, "r.go"); err != nil || matches {
		t.Errorf("matches %v, %v", matches, err)
	}
}

func TestHoverPointsAtTheTypeName(t *testing.T) {
	line, character := Hover()
	if got := strings.Split(Source(5, 9), "\n")[line][character-1:]; !strings.HasPrefix(got, "Names ") {
		t.Errorf("it points at %q", got)
	}
}

func TestWritingTwiceLeavesNothingOfTheFirst(t *testing.T) {
	root := t.TempDir() + "/ws"
	if _, err := Write(root, 9); err != nil {
		t.Fatal(err)
	}
	ws, err := Write(root, 8)
	if err != nil || len(ws.Files) != 8 {
		t.Fatalf("%v, %v", ws, err)
	}
	if entries, err := os.ReadDir(root + "/internal"); err != nil || len(entries) != 8 {
		t.Errorf("%d packages, %v", len(entries), err)
	}
}
