// Package rpc speaks JSON-RPC 2.0 with a language server over a pair of pipes,
// framed by Content-Length headers as the language server protocol has it.
package rpc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"sync"
)

const maxMessage = 64 << 20

// Answerer answers a request of the server. With ok false nothing is ever sent back.
type Answerer func(method string, params json.RawMessage) (result any, ok bool)

// Conn is the editor's end of a connection.
type Conn struct {
	in     *bufio.Reader
	out    io.Writer
	answer Answerer

	mu      sync.Mutex // guards what follows, and writing
	nextID  int
	waiting map[int]chan<- response
}

type response struct {
	Result json.RawMessage
	Err    error
}

type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  any             `json:"result,omitempty"`
}

type incoming struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// NewConn returns a connection that reads from in and writes to out. Run must be called.
func NewConn(in io.Reader, out io.Writer, answer Answerer) *Conn {
	return &Conn{in: bufio.NewReaderSize(in, 64<<10), out: out, answer: answer, waiting: map[int]chan<- response{}}
}

// Run reads until the connection ends, and returns why.
func (c *Conn) Run() error {
	for {
		body, err := c.read()
		if err != nil {
			return err
		}
		var msg incoming
		if err := json.Unmarshal(body, &msg); err != nil {
			return fmt.Errorf("message of the server: %w", err)
		}
		switch {
		case msg.Method != "" && msg.ID != nil:
			if result, ok := c.answer(msg.Method, msg.Params); ok {
				if err := c.reply(msg.ID, result); err != nil {
					return err
				}
			}
		case msg.Method == "":
			c.resolve(msg)
		}
	}
}

func (c *Conn) read() ([]byte, error) {
	header, err := textproto.NewReader(c.in).ReadMIMEHeader()
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil || n < 0 || n > maxMessage {
		return nil, fmt.Errorf("bad Content-Length %q", header.Get("Content-Length"))
	}
	body := make([]byte, n)
	_, err = io.ReadFull(c.in, body)
	return body, err
}

// resolve hands a response to the call that waits for it, if any still does.
func (c *Conn) resolve(msg incoming) {
	id, err := strconv.Atoi(string(msg.ID))
	if err != nil {
		return
	}
	c.mu.Lock()
	waiting := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if waiting == nil {
		return
	}
	answer := response{Result: msg.Result}
	if msg.Error != nil {
		answer.Err = errors.New(msg.Error.Message)
	}
	waiting <- answer
}

// reply always carries a result, be it null, or it would be no response at all.
func (c *Conn) reply(id json.RawMessage, result any) error {
	raw, err := json.Marshal(result)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.write(message{ID: id, Result: json.RawMessage(raw)})
}

// Notify sends a notification.
func (c *Conn) Notify(method string, params any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.write(message{Method: method, Params: params})
}

// Send sends a request and waits for no answer.
func (c *Conn) Send(method string, params any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.request(method, params)
	return err
}

// Call sends a request and returns the server's result or its error.
func (c *Conn) Call(ctx context.Context, method string, params any) (json.RawMessage, error) {
	answer := make(chan response, 1)
	c.mu.Lock()
	id, err := c.request(method, params)
	if err == nil {
		c.waiting[id] = answer
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case r := <-answer:
		if r.Err != nil {
			return nil, fmt.Errorf("%s: %w", method, r.Err)
		}
		return r.Result, nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
		return nil, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// request writes a request; c.mu is held.
func (c *Conn) request(method string, params any) (int, error) {
	c.nextID++
	return c.nextID, c.write(message{ID: json.RawMessage(strconv.Itoa(c.nextID)), Method: method, Params: params})
}

// write frames and writes one message; c.mu is held.
func (c *Conn) write(msg message) error {
	msg.Version = "2.0"
	body, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	_, err = c.out.Write(append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(body)), body...))
	return err
}
