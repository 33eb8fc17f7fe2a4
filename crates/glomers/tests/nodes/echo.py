#!/usr/bin/env python3
"""An echo node as one writes it for Maelstrom, without any library."""

import json
import sys

node_id = None
next_msg_id = 0


def reply(request, body):
    global next_msg_id
    next_msg_id += 1
    body["msg_id"] = next_msg_id
    body["in_reply_to"] = request["body"]["msg_id"]
    json.dump({"src": node_id, "dest": request["src"], "body": body}, sys.stdout)
    sys.stdout.write("\n")
    sys.stdout.flush()


for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    if body["type"] == "init":
        node_id = body["node_id"]
        print("node id set to", node_id, file=sys.stderr)
        reply(message, {"type": "init_ok"})
    elif body["type"] == "echo":
        reply(message, {"type": "echo_ok", "echo": body["echo"]})
