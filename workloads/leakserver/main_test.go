package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// started runs a server on free ports and returns the addresses of pprof and health.
func started(t *testing.T, o options) (string, string) {
	t.Helper()
	o.addr, o.healthAddr = freeAddr(t), freeAddr(t)
	failed := make(chan error, 4)
	if err := start(o, failed); err != nil {
		t.Fatal(err)
	}
	return o.addr, o.healthAddr
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t *testing.T, url string, timeout time.Duration) (int, string, string, error) {
	t.Helper()
	client := &http.Client{Timeout: timeout}
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(body), err
}

func TestAShapeServesPprofUnderItsOwnLoad(t *testing.T) {
	addr, health := started(t, options{shape: "ast-cache", fixed: true, rate: 50, documents: 2, documentBytes: 1 << 10})
	code, kind, _, err := get(t, "http://"+addr+"/debug/pprof/heap", 5*time.Second)
	if err != nil || code != 200 || kind != "application/octet-stream" {
		t.Errorf("heap profile: %d, %s, %v", code, kind, err)
	}
	if code, _, _, err := get(t, "http://"+health+"/healthz", 5*time.Second); err != nil || code != 200 {
		t.Errorf("health: %d, %v", code, err)
	}
}

func TestAHungTargetAcceptsAndNeverAnswersWhileItsHealthDoes(t *testing.T) {
	addr, health := started(t, options{shape: "hung"})
	_, _, _, err := get(t, "http://"+addr+"/debug/pprof/heap", 200*time.Millisecond)
	if timeout, ok := err.(interface{ Timeout() bool }); !ok || !timeout.Timeout() {
		t.Errorf("want a timeout, got %v", err)
	}
	if code, _, _, err := get(t, "http://"+health+"/healthz", 5*time.Second); err != nil || code != 200 {
		t.Errorf("health: %d, %v", code, err)
	}
}

func TestAnHTMLTargetAnswersEveryPathWithAPage(t *testing.T) {
	addr, _ := started(t, options{shape: "html"})
	for _, path := range []string{"/debug/pprof/heap", "/debug/pprof/goroutine", "/info"} {
		code, kind, body, err := get(t, "http://"+addr+path, 5*time.Second)
		if err != nil || code != 200 || !strings.HasPrefix(kind, "text/html") || !strings.Contains(body, "<html>") {
			t.Errorf("%s: %d, %s, %v", path, code, kind, err)
		}
	}
}

func TestATargetWithNothingListeningRefusesTheConnection(t *testing.T) {
	addr, _ := started(t, options{shape: "nothing"})
	var dialer net.Dialer
	if conn, err := dialer.DialContext(context.Background(), "tcp", addr); err == nil {
		conn.Close()
		t.Error("want no listener")
	}
}

func TestAnUnknownShapeIsRefused(t *testing.T) {
	if err := start(options{shape: "round"}, make(chan error, 1)); err == nil || !strings.Contains(err.Error(), "round") {
		t.Errorf("want the shape named, got %v", err)
	}
}
