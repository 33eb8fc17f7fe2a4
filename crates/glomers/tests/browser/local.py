#!/usr/bin/env python3
"""A node of every workload that keeps what it is told to itself, so that no run of several is valid."""
import json
import sys

node, workload = None, sys.argv[1]
registers, elements, logs, committed = {}, set(), {}, {}


def transaction(steps):
    for name, key, value in steps:
        if name == "append":
            registers[key] = registers.get(key, []) + [value]
        elif name == "w":
            registers[key] = value
        yield [name, key, registers.get(key) if name == "r" else value]


def answer(body):
    kind = body["type"]
    reply = {"type": kind + "_ok"}
    if workload == "lin-kv" and kind in ("read", "cas"):
        held = registers.get(body["key"])
        if held is None:
            return {"type": "error", "code": 20, "text": "no such key"}
        if kind == "cas" and held != body["from"]:
            return {"type": "error", "code": 22, "text": "another value"}
        reply["value"] = held
        registers[body["key"]] = body.get("to", held)
    elif kind == "write":
        registers[body["key"]] = body["value"]
    elif kind in ("broadcast", "add"):
        elements.add(body.get("message", body.get("element")))
    elif kind == "read":
        reply["messages"] = reply["value"] = sorted(elements)
    elif kind == "txn":
        reply["txn"] = list(transaction(body["txn"]))
    elif kind == "send":
        log = logs.setdefault(body["key"], [])
        log.append(body["msg"])
        reply["offset"] = len(log) - 1
    elif kind == "poll":
        reply["msgs"] = {key: [[at, logs[key][at]] for at in range(offset, len(logs[key]))][:5]
                         for key, offset in body["offsets"].items() if key in logs}
    elif kind == "commit_offsets":
        committed.update(body["offsets"])
    elif kind == "list_committed_offsets":
        reply["offsets"] = {key: committed[key] for key in body["keys"] if key in committed}
    return reply


for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    if body["type"] == "init":
        node = body["node_id"]
    print(node, "answers", body["type"], file=sys.stderr, flush=True)
    reply = dict(answer(body), in_reply_to=body["msg_id"])
    if workload == "g-set":
        reply.pop("messages", None)
    if workload == "broadcast":
        reply.pop("value", None)
    print(json.dumps({"src": node, "dest": message["src"], "body": reply}), flush=True)
