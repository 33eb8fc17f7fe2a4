#!/usr/bin/env python3
"""Broadcast on asyncio: a task gossips every 100 ms or so, another reads stdin."""
import asyncio
import json
import random
import sys

known = set()
node = {"id": None, "peers": []}


def send(dest, body):
    print(json.dumps({"src": node["id"], "dest": dest, "body": body}), flush=True)


async def gossip():
    while True:
        await asyncio.sleep(0.05 + random.random() / 10)
        send(random.choice(node["peers"]), {"type": "gossip", "known": sorted(known)})


def handle(src, body):
    reply = {"type": body["type"] + "_ok", "in_reply_to": body.get("msg_id")}
    if body["type"] == "init":
        node["id"] = body["node_id"]
        node["peers"] = [peer for peer in body["node_ids"] if peer != node["id"]]
        if node["peers"]:
            node["task"] = asyncio.ensure_future(gossip())
    elif body["type"] == "broadcast":
        known.add(body["message"])
    elif body["type"] == "read":
        reply["messages"] = sorted(known)
    elif body["type"] == "gossip":
        known.update(body["known"])
        return
    send(src, reply)


async def main():
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        message = json.loads(line)
        handle(message["src"], message["body"])


asyncio.run(main())
