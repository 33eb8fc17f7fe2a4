// A counter on Maelstrom's own Go library: each node keeps what it was given under a key of its own in seq-kv.
package main

import (
	"context"
	"encoding/json"
	"log"
	"sync"
	"time"

	maelstrom "github.com/jepsen-io/maelstrom/demo/go"
)

func main() {
	node := maelstrom.NewNode()
	store := maelstrom.NewSeqKV(node)
	var mutex sync.Mutex
	own := 0

	node.Handle("add", func(request maelstrom.Message) error {
		var body struct {
			Delta int `json:"delta"`
		}
		if err := json.Unmarshal(request.Body, &body); err != nil {
			return err
		}
		mutex.Lock()
		defer mutex.Unlock()
		within, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := store.Write(within, node.ID(), own+body.Delta); err != nil {
			return err
		}
		own += body.Delta
		return node.Reply(request, map[string]any{"type": "add_ok"})
	})

	node.Handle("read", func(request maelstrom.Message) error {
		mutex.Lock()
		total := own
		mutex.Unlock()
		within, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		// A write brings this client up to date, so that the reads after it are too.
		if err := store.Write(within, "fence-"+node.ID(), time.Now().UnixNano()); err != nil {
			return err
		}
		for _, other := range node.NodeIDs() {
			if other == node.ID() {
				continue
			}
			value, err := store.ReadInt(within, other)
			if err != nil && maelstrom.ErrorCode(err) != maelstrom.KeyDoesNotExist {
				return err
			}
			total += value
		}
		return node.Reply(request, map[string]any{"type": "read_ok", "value": total})
	})

	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
}
