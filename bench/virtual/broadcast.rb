#!/usr/bin/env ruby
# Broadcast with a thread that gossips every 100 ms or so.
require "json"
require "set"

$stdout.sync = true
$lock = Mutex.new
$known = Set.new
$id = nil
$peers = []

def send_to(dest, body)
  $stdout.write(JSON.generate({ src: $id, dest: dest, body: body }) + "\n")
end

def gossip
  loop do
    sleep(0.05 + rand / 10)
    $lock.synchronize { send_to($peers.sample, { type: "gossip", known: $known.to_a }) }
  end
end

def handle(src, body)
  reply = { type: body["type"] + "_ok", in_reply_to: body["msg_id"] }
  case body["type"]
  when "init"
    $id = body["node_id"]
    $peers = body["node_ids"] - [$id]
    Thread.new { gossip } unless $peers.empty?
  when "broadcast" then $known << body["message"]
  when "read" then reply[:messages] = $known.to_a
  when "gossip"
    $known.merge(body["known"])
    return
  end
  send_to(src, reply)
end

while (line = $stdin.gets)
  message = JSON.parse(line)
  $lock.synchronize { handle(message["src"], message["body"]) }
end
