//go:build !leaky

package sessions

// Close ends a session.
func (s *Store) Close(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.open[name]; one != nil {
		delete(s.open, name)
		close(one.done)
	}
}
