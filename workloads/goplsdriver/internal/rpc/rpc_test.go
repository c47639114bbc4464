package rpc

import (
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"
)

// pair returns an editor and a server that talk to each other.
func pair(t *testing.T, editorAnswers, serverAnswers Answerer) (*Conn, *Conn) {
	t.Helper()
	toServer, editorOut := io.Pipe()
	toEditor, serverOut := io.Pipe()
	editor, server := NewConn(toEditor, editorOut, editorAnswers), NewConn(toServer, serverOut, serverAnswers)
	go editor.Run()
	go server.Run()
	t.Cleanup(func() { editorOut.Close(); serverOut.Close() })
	return editor, server
}

func echo(_ string, params json.RawMessage) (any, bool) { return params, true }

func silent(string, json.RawMessage) (any, bool) { return nil, false }

func TestACallReturnsWhatTheOtherSideAnswers(t *testing.T) {
	editor, server := pair(t, echo, echo)
	for _, from := range []*Conn{editor, server} {
		got, err := from.Call(context.Background(), "echo", map[string]int{"n": 7})
		if err != nil || string(got) != `{"n":7}` {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

func TestAnUnansweredCallEndsWithItsContextAndTheConnectionGoesOn(t *testing.T) {
	answers := 0
	editor, _ := pair(t, echo, func(method string, params json.RawMessage) (any, bool) {
		answers++
		return params, answers > 1
	})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := editor.Call(ctx, "first", nil); err == nil {
		t.Error("want the first call to time out")
	}
	if _, err := editor.Call(context.Background(), "second", 2); err != nil {
		t.Error(err)
	}
}

func TestSendAndNotifyWaitForNobody(t *testing.T) {
	editor, _ := pair(t, echo, silent)
	for range 100 {
		if err := editor.Send("never/answered", 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := editor.Notify("told", nil); err != nil {
		t.Fatal(err)
	}
	if len(editor.waiting) != 0 {
		t.Errorf("%d calls are waited for, want none", len(editor.waiting))
	}
}

func TestANullResultIsStillAResponse(t *testing.T) {
	editor, _ := pair(t, echo, func(string, json.RawMessage) (any, bool) { return nil, true })
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if got, err := editor.Call(ctx, "void", nil); err != nil || string(got) != "null" {
		t.Errorf("got %s, %v", got, err)
	}
}
