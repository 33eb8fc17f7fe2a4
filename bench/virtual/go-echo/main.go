// Echo on Maelstrom's own Go library.
package main

import (
	"encoding/json"
	"log"

	maelstrom "github.com/jepsen-io/maelstrom/demo/go"
)

func main() {
	node := maelstrom.NewNode()
	node.Handle("echo", func(request maelstrom.Message) error {
		var body map[string]any
		if err := json.Unmarshal(request.Body, &body); err != nil {
			return err
		}
		body["type"] = "echo_ok"
		return node.Reply(request, body)
	})
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
}
