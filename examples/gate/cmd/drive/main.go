// Command drive does what an editor does to the server: the same work each time
// it is run. That is what the gate measures.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"net/http"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:6060", "the server")
	sessions := flag.Int("sessions", 50, "sessions to open and close")
	flag.Parse()

	text := make([]byte, 16<<10)
	for i := range *sessions {
		name := fmt.Sprintf("%s/sessions/doc%d", *url, i)
		for _, method := range []string{http.MethodPut, http.MethodDelete} {
			if err := send(method, name, text); err != nil {
				log.Fatal(err)
			}
		}
	}
}

func send(method, url string, body []byte) error {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, url, resp.Status)
	}
	return nil
}
