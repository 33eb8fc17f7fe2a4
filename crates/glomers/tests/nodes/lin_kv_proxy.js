#!/usr/bin/env node
// A key-value store without any library: every request goes to the service lin-kv, and its answer goes back.
'use strict';

const readline = require('readline');

let nodeId = null;
let nextMsgId = 0;
// By the number of each request to the service: who asked, and with which number.
const waiting = new Map();

function send(dest, body) {
  process.stdout.write(JSON.stringify({ src: nodeId, dest, body }) + '\n');
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { src, body } = JSON.parse(line);
  if (body.type === 'init') {
    nodeId = body.node_id;
    send(src, { type: 'init_ok', in_reply_to: body.msg_id });
  } else if (body.in_reply_to !== undefined) {
    const asker = waiting.get(body.in_reply_to);
    waiting.delete(body.in_reply_to);
    if (asker) send(asker.src, { ...body, in_reply_to: asker.msgId, msg_id: undefined });
  } else {
    nextMsgId += 1;
    waiting.set(nextMsgId, { src, msgId: body.msg_id });
    send('lin-kv', { ...body, msg_id: nextMsgId });
  }
});
