package sessions

import (
	"fmt"
	"testing"

	"leakwarden.io/leakgate"
)

// TestMain lets `leakwarden gate` run the tests again and again and look at what
// stays. Without the gate it just runs them.
func TestMain(m *testing.M) { leakgate.Main(m) }

var text = make([]byte, 16<<10)

func TestASessionTakesEditsUntilItIsClosed(t *testing.T) {
	store := New()
	for i := range 50 {
		name := fmt.Sprint("doc", i)
		store.Open(name, text)
		if err := store.Edit(name, text); err != nil {
			t.Fatal(err)
		}
		store.Close(name)
		if err := store.Edit(name, text); err == nil {
			t.Fatalf("%s takes edits after it was closed", name)
		}
	}
}

func BenchmarkSession(b *testing.B) {
	b.ReportAllocs()
	store := New()
	for b.Loop() {
		store.Open("doc", text)
		store.Close("doc")
	}
}
