// Package sessions keeps what an editor has open: for each session its text, and
// a goroutine that takes its edits one after another.
package sessions

import (
	"fmt"
	"sync"
)

// Store holds the open sessions by name.
type Store struct {
	mu   sync.Mutex
	open map[string]*session
}

type session struct {
	edits chan []byte
	done  chan struct{}
	text  []byte
}

// New returns an empty store.
func New() *Store {
	return &Store{open: map[string]*session{}}
}

// Open begins a session with a text.
func (s *Store) Open(name string, text []byte) {
	one := &session{edits: make(chan []byte), done: make(chan struct{}), text: append([]byte(nil), text...)}
	s.mu.Lock()
	s.open[name] = one
	s.mu.Unlock()
	go one.apply()
}

// Edit replaces the text of an open session.
func (s *Store) Edit(name string, text []byte) error {
	s.mu.Lock()
	one := s.open[name]
	s.mu.Unlock()
	if one == nil {
		return fmt.Errorf("%s is not open", name)
	}
	one.edits <- text
	return nil
}

// apply takes edits until the session is closed.
func (one *session) apply() {
	for {
		select {
		case text := <-one.edits:
			one.text = append(one.text[:0], text...)
		case <-one.done:
			return
		}
	}
}
