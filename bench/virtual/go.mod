module example.invalid/glomers/bench/virtual

go 1.21

require github.com/jepsen-io/maelstrom/demo/go v0.0.0-20251128144731-cb7f07239012
