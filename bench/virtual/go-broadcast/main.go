// Broadcast on Maelstrom's own Go library: a ticker for each peer sends it what it has not acknowledged.
package main

import (
	"encoding/json"
	"log"
	"sync"
	"time"

	maelstrom "github.com/jepsen-io/maelstrom/demo/go"
)

type body struct {
	Message  int   `json:"message"`
	Messages []int `json:"messages"`
}

func main() {
	node := maelstrom.NewNode()
	var mutex sync.Mutex
	known := map[int]bool{}
	missing := map[string]map[int]bool{}

	learn := func(messages []int, from string) {
		mutex.Lock()
		defer mutex.Unlock()
		for _, message := range messages {
			if known[message] {
				continue
			}
			known[message] = true
			for peer := range missing {
				if peer != from {
					missing[peer][message] = true
				}
			}
		}
	}

	tell := func(peer string) {
		for range time.Tick(100 * time.Millisecond) {
			mutex.Lock()
			var messages []int
			for message := range missing[peer] {
				messages = append(messages, message)
			}
			mutex.Unlock()
			if len(messages) == 0 {
				continue
			}
			request := map[string]any{"type": "gossip", "messages": messages}
			err := node.RPC(peer, request, func(maelstrom.Message) error {
				mutex.Lock()
				defer mutex.Unlock()
				for _, message := range messages {
					delete(missing[peer], message)
				}
				return nil
			})
			if err != nil {
				log.Fatal(err)
			}
		}
	}

	node.Handle("init", func(maelstrom.Message) error {
		mutex.Lock()
		defer mutex.Unlock()
		for _, peer := range node.NodeIDs() {
			if peer != node.ID() {
				missing[peer] = map[int]bool{}
			}
		}
		for peer := range missing {
			go tell(peer)
		}
		return nil
	})
	node.Handle("topology", func(request maelstrom.Message) error {
		return node.Reply(request, map[string]any{"type": "topology_ok"})
	})
	node.Handle("broadcast", func(request maelstrom.Message) error {
		var body body
		if err := json.Unmarshal(request.Body, &body); err != nil {
			return err
		}
		learn([]int{body.Message}, request.Src)
		return node.Reply(request, map[string]any{"type": "broadcast_ok"})
	})
	node.Handle("gossip", func(request maelstrom.Message) error {
		var body body
		if err := json.Unmarshal(request.Body, &body); err != nil {
			return err
		}
		learn(body.Messages, request.Src)
		return node.Reply(request, map[string]any{"type": "gossip_ok"})
	})
	node.Handle("read", func(request maelstrom.Message) error {
		mutex.Lock()
		messages := []int{}
		for message := range known {
			messages = append(messages, message)
		}
		mutex.Unlock()
		return node.Reply(request, map[string]any{"type": "read_ok", "messages": messages})
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
}
