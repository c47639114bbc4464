package leakgate

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWithoutAGateTheWorkIsDoneOnce(t *testing.T) {
	t.Setenv(AddrFile, "")
	runs := 0
	if code := Run(func() int { runs++; return 7 }); code != 7 || runs != 1 {
		t.Errorf("exit code %d after %d runs", code, runs)
	}
}

// begun runs the loop over work; what it returns comes out of the channel.
func begun(t *testing.T, patience time.Duration, work func() int) (*httptest.Server, <-chan int) {
	t.Helper()
	s := newServer()
	web := httptest.NewServer(s.handler())
	t.Cleanup(web.Close)
	ended := make(chan int, 1)
	go func() { ended <- s.loop(work, patience) }()
	return web, ended
}

func post(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Post(url, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ ExitCode int }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.ExitCode
}

func TestTheWorkIsDoneAsOftenAsAskedAndPprofAnswersInBetween(t *testing.T) {
	runs := 0
	web, ended := begun(t, time.Minute, func() int { runs++; return 0 })
	for range 3 {
		if code := post(t, web.URL+"/leakgate/run"); code != 0 {
			t.Errorf("exit code %d", code)
		}
		resp, err := http.Get(web.URL + "/debug/pprof/heap")
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("heap profile: %v, %v", resp, err)
		}
		resp.Body.Close()
	}
	post(t, web.URL+"/leakgate/end")
	if code := <-ended; code != 0 || runs != 3 {
		t.Errorf("exit code %d after %d runs", code, runs)
	}
}

func TestTheFirstFailureIsTheExitCode(t *testing.T) {
	codes := []int{0, 1, 3, 0}
	web, ended := begun(t, time.Minute, func() int { code := codes[0]; codes = codes[1:]; return code })
	for _, want := range []int{0, 1, 3, 0} {
		if code := post(t, web.URL+"/leakgate/run"); code != want {
			t.Errorf("exit code %d, want %d", code, want)
		}
	}
	if code := post(t, web.URL+"/leakgate/end"); code != 1 {
		t.Errorf("the end says %d", code)
	}
	if code := <-ended; code != 1 {
		t.Errorf("exit code %d", code)
	}
}

func TestAGateThatIsGoneHoldsNoProcess(t *testing.T) {
	_, ended := begun(t, 10*time.Millisecond, func() int { return 0 })
	select {
	case code := <-ended:
		if code != 2 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(10 * time.Second):
		t.Error("still waiting")
	}
}

func TestWorkThatTakesLongerThanTheGateMayBeSilentIsNotTakenForItsEnd(t *testing.T) {
	const patience = 500 * time.Millisecond
	web, ended := begun(t, patience, func() int { time.Sleep(2 * patience); return 0 })
	for range 2 {
		if code := post(t, web.URL+"/leakgate/run"); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	post(t, web.URL+"/leakgate/end")
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestAPageThatIsOnlyLookedAtIsNoOrder(t *testing.T) {
	web, _ := begun(t, time.Minute, func() int { t.Error("ran"); return 0 })
	resp, err := http.Get(web.URL + "/leakgate/run")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestASecondTestBinaryIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "addr")
	if err := announce(file, "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if err := announce(file, "127.0.0.1:2"); err == nil || !strings.Contains(err.Error(), "one package") {
		t.Errorf("want it refused, got %v", err)
	}
	addr, err := os.ReadFile(file)
	if err != nil || string(addr) != "127.0.0.1:1\n" {
		t.Errorf("%q, %v", addr, err)
	}
	if left, _ := filepath.Glob(file + ".*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}
