#!/usr/bin/env node
// Broadcast with a timer that gossips every 100 ms or so, and a promise for each message.
const known = new Set();
let id, peers = [];

const send = (dest, body) => process.stdout.write(JSON.stringify({ src: id, dest, body }) + "\n");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function gossip() {
  for (;;) {
    await sleep(50 + Math.random() * 100);
    send(peers[Math.floor(Math.random() * peers.length)], { type: "gossip", known: [...known] });
  }
}

async function handle({ src, body }) {
  const reply = { type: body.type + "_ok", in_reply_to: body.msg_id };
  if (body.type === "init") {
    id = body.node_id;
    peers = body.node_ids.filter((peer) => peer !== id);
    if (peers.length > 0) gossip();
  } else if (body.type === "broadcast") {
    known.add(body.message);
  } else if (body.type === "read") {
    reply.messages = [...known];
  } else if (body.type === "gossip") {
    body.known.forEach((message) => known.add(message));
    return;
  }
  send(src, reply);
}

require("readline").createInterface({ input: process.stdin, terminal: false }).on("line", (line) => handle(JSON.parse(line)));
