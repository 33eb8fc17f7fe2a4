// Broadcast on Maelstrom's own Go library with a bug that is planted: to add a message, a node copies its list under the lock, tells its peers
// and waits for their answers, and puts the longer copy back under the lock. Of two messages at the same time one is lost.
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
	var mutex sync.Mutex
	messages := []int{}

	tell := func(message int) {
		var all sync.WaitGroup
		for _, peer := range node.NodeIDs() {
			if peer == node.ID() {
				continue
			}
			all.Add(1)
			go func(peer string) {
				defer all.Done()
				for acknowledged := false; !acknowledged; {
					within, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
					_, err := node.SyncRPC(within, peer, map[string]any{"type": "tell", "message": message})
					acknowledged = err == nil
					cancel()
				}
			}(peer)
		}
		all.Wait()
	}

	handle := func(kind string, isFirst bool) {
		node.Handle(kind, func(request maelstrom.Message) error {
			var body struct {
				Message int `json:"message"`
			}
			if err := json.Unmarshal(request.Body, &body); err != nil {
				return err
			}
			mutex.Lock()
			longer := append(append([]int{}, messages...), body.Message)
			mutex.Unlock()
			if isFirst {
				tell(body.Message)
			}
			mutex.Lock()
			messages = longer
			mutex.Unlock()
			return node.Reply(request, map[string]any{"type": kind + "_ok"})
		})
	}
	handle("broadcast", true)
	handle("tell", false)
	node.Handle("topology", func(request maelstrom.Message) error {
		return node.Reply(request, map[string]any{"type": "topology_ok"})
	})
	node.Handle("read", func(request maelstrom.Message) error {
		mutex.Lock()
		defer mutex.Unlock()
		return node.Reply(request, map[string]any{"type": "read_ok", "messages": messages})
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
}
