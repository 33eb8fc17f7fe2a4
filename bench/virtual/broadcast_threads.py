#!/usr/bin/env python3
"""Broadcast with a thread that gossips: every 100 ms or so all that is known goes to one peer."""
import json
import random
import sys
import threading
import time

lock = threading.Lock()
known = set()
node = {"id": None, "peers": []}


def send(dest, body):
    sys.stdout.write(json.dumps({"src": node["id"], "dest": dest, "body": body}) + "\n")
    sys.stdout.flush()


def gossip():
    while True:
        time.sleep(0.05 + random.random() / 10)
        with lock:
            send(random.choice(node["peers"]), {"type": "gossip", "known": sorted(known)})


def handle(src, body):
    reply = {"type": body["type"] + "_ok", "in_reply_to": body.get("msg_id")}
    if body["type"] == "init":
        node["id"] = body["node_id"]
        node["peers"] = [peer for peer in body["node_ids"] if peer != node["id"]]
        if node["peers"]:
            threading.Thread(target=gossip, daemon=True).start()
    elif body["type"] == "broadcast":
        known.add(body["message"])
    elif body["type"] == "read":
        reply["messages"] = sorted(known)
    elif body["type"] == "gossip":
        known.update(body["known"])
        return
    send(src, reply)


for line in sys.stdin:
    message = json.loads(line)
    with lock:
        handle(message["src"], message["body"])
