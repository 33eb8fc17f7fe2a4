#!/usr/bin/env python3
"""A broadcast node without any library: it tells its neighbours until they have said that they know."""

import json
import sys
import threading
import time

node_id = None
neighbours = []
known = []
# For each neighbour, what it has not said that it knows.
untold = {}
lock = threading.Lock()


def send(dest, body):
    sys.stdout.write(json.dumps({"src": node_id, "dest": dest, "body": body}) + "\n")
    sys.stdout.flush()


def reply(request, body):
    send(request["src"], {**body, "in_reply_to": request["body"]["msg_id"]})


def learn(value, source):
    if value in known:
        return
    known.append(value)
    for neighbour in neighbours:
        if neighbour != source:
            untold[neighbour].append(value)
            send(neighbour, {"type": "tell", "value": value})


def tell_again():
    while True:
        time.sleep(0.5)
        with lock:
            for neighbour, values in untold.items():
                for value in values:
                    send(neighbour, {"type": "tell", "value": value})


def handle(message):
    global node_id, neighbours
    source, body = message["src"], message["body"]
    kind = body["type"]
    if kind == "init":
        node_id = body["node_id"]
        print("node id set to", node_id, file=sys.stderr)
        reply(message, {"type": "init_ok"})
    elif kind == "topology":
        neighbours = body["topology"][node_id]
        untold.update({neighbour: [] for neighbour in neighbours})
        reply(message, {"type": "topology_ok"})
    elif kind == "broadcast":
        learn(body["message"], source)
        reply(message, {"type": "broadcast_ok"})
    elif kind == "read":
        reply(message, {"type": "read_ok", "messages": known})
    elif kind == "tell":
        learn(body["value"], source)
        send(source, {"type": "told", "value": body["value"]})
    elif kind == "told" and body["value"] in untold.get(source, []):
        untold[source].remove(body["value"])


threading.Thread(target=tell_again, daemon=True).start()
for line in sys.stdin:
    with lock:
        handle(json.loads(line))
