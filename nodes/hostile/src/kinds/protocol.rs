//! Lines that are no messages, or messages that no node may send. Each comes before a correct reply, unless it says otherwise.

use std::io;

use serde_json::{Value, json};

use super::{reply_changed, then_reply};
use crate::{
    kind::{
        Kind, Next,
        When::{EachRequest, FirstRequest, Init},
        kind,
    },
    server::print,
};

pub(super) const KINDS: &[Kind] = &[
    kind("ignore-init", Init, |_, _| Ok(Next::Silence)),
    kind("answer-init-twice", Init, |server, request| {
        server.reply(request, json!({"type": "init_ok"}))?;
        Ok(Next::Reply)
    }),
    kind("refuse-init", Init, |server, request| {
        server.reply(request, json!({"type": "error", "code": 13, "text": "no disk"}))?;
        Ok(Next::Silence)
    }),
    kind("wrong-init-type", Init, |server, request| {
        server.reply(request, json!({"type": "initialized"}))?;
        Ok(Next::Silence)
    }),
    kind("init-ok-forever", EachRequest, |server, request| {
        then_reply(
            server.send(
                request["src"].as_str().unwrap_or_default(),
                &json!({"type": "init_ok", "in_reply_to": 1}),
            ),
        )
    }),
    kind("log-to-stdout", EachRequest, |_, _| then_reply(print(b"2026/11/22 got an echo request\n"))),
    kind("invalid-utf8", EachRequest, |_, _| then_reply(print(b"\"\xff\xfe\"\n"))),
    kind("utf16", EachRequest, |_, _| {
        let line = "{\"src\":\"n0\"}\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        then_reply(print(&line))
    }),
    kind("byte-order-mark", EachRequest, |server, request| {
        reply_changed(server, request, |line| format!("\u{feff}{line}\n"))
    }),
    kind("nul-bytes", EachRequest, |_, _| then_reply(print(b"\0\0\0\0\n"))),
    kind("carriage-returns", EachRequest, |server, request| {
        reply_changed(server, request, |line| format!("{line}\r\n"))
    }),
    kind("blank-lines", EachRequest, |_, _| then_reply(print(b"\n\n   \n"))),
    kind("long-line", FirstRequest, |_, _| then_reply(print(&[vec![b'x'; 64 << 20], vec![b'\n']].concat()))),
    kind("deep-json", EachRequest, |server, _| {
        let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let id = &server.id;
        then_reply(print(
            format!("{{\"src\":\"{id}\",\"dest\":\"c0\",\"body\":{{\"type\":\"deep\",\"deep\":{body}}}}}\n")
                .as_bytes(),
        ))
    }),
    kind("foreign-source", EachRequest, |_, _| {
        then_reply(print(b"{\"src\":\"n77\",\"dest\":\"c0\",\"body\":{\"type\":\"hello\"}}\n"))
    }),
    kind("client-source", EachRequest, |_, _| {
        then_reply(print(b"{\"src\":\"c0\",\"dest\":\"c1\",\"body\":{\"type\":\"hello\"}}\n"))
    }),
    kind("unknown-destination", EachRequest, |server, _| {
        then_reply(server.send("n77", &json!({"type": "hello"})))
    }),
    kind("hostile-destination", EachRequest, |server, _| {
        then_reply(server.send("\u{1b}[2J\u{202e}\u{200b}\u{85}\u{9b}", &json!({"type": "hello"})))
    }),
    kind("empty-destination", EachRequest, |server, _| {
        then_reply(server.send("", &json!({"type": "hello"})))
    }),
    kind("number-as-destination", EachRequest, |server, _| {
        then_reply(line(&json!({"src": server.id, "dest": 7, "body": {"type": "hello"}})))
    }),
    kind("no-body", EachRequest, |server, _| then_reply(line(&json!({"src": server.id, "dest": server.id})))),
    kind("null-body", EachRequest, |server, _| {
        then_reply(line(&json!({"src": server.id, "dest": server.id, "body": null})))
    }),
    kind("no-source", EachRequest, |server, _| then_reply(line(&json!({"dest": server.id, "body": {}})))),
    kind("duplicate-keys", EachRequest, |server, request| {
        let id = server.id.clone();
        reply_changed(server, request, |line| {
            format!("{{\"src\":\"n9\",\"dest\":\"n9\",\"body\":{{}},\"src\":\"{id}\",{}\n", &line[1..])
        })
    }),
    kind("huge-numbers", EachRequest, |server, _| {
        let id = &server.id;
        then_reply(print(
            format!("{{\"src\":\"{id}\",\"dest\":\"{id}\",\"body\":{{\"type\":\"x\",\"msg_id\":1e400,\"n\":{}}}}}\n", "9".repeat(400))
                .as_bytes(),
        ))
    }),
    kind("negative-msg-id", EachRequest, |server, _| {
        then_reply(server.send(&server.id, &json!({"type": "hello", "msg_id": -5})))
    }),
    kind("two-in-a-line", EachRequest, |server, request| {
        reply_changed(server, request, |line| format!("{line}{line}\n"))
    }),
    kind("array-of-messages", EachRequest, |server, request| {
        reply_changed(server, request, |line| format!("[{line}]\n"))
    }),
    kind("pretty-printed", EachRequest, |server, request| {
        reply_changed(server, request, |line| format!("{}\n", line.replace(',', ",\n  ")))
    }),
    kind("json5", EachRequest, |server, request| {
        reply_changed(server, request, |line| format!("{line}, // done\n"))
    }),
    kind("python-repr", EachRequest, |server, request| {
        reply_changed(server, request, |line| format!("{}\n", line.replace('"', "'")))
    }),
    kind("lone-surrogate", EachRequest, |server, _| {
        let id = &server.id;
        then_reply(print(
            format!("{{\"src\":\"{id}\",\"dest\":\"{id}\",\"body\":{{\"type\":\"\\ud800\"}}}}\n").as_bytes(),
        ))
    }),
    kind("init-to-itself", EachRequest, |server, _| {
        let id = server.id.clone();
        then_reply(server.send(&id, &json!({"type": "init", "msg_id": 1, "node_id": id, "node_ids": [id]})))
    }),
    kind("many-destinations", EachRequest, |server, _| {
        let lines: String = (0..500)
            .map(|number| {
                format!(
                    "{}\n",
                    json!({"src": server.id, "dest": format!("x{number}"), "body": {"type": "hello"}})
                )
            })
            .collect();
        then_reply(print(lines.as_bytes()))
    }),
    kind("garbage-to-services", EachRequest, |server, _| {
        for body in [
            json!({}),
            json!({"type": 5}),
            json!({"type": "read", "msg_id": 1}),
            json!({"type": "read", "msg_id": 2, "key": {"a": [1, {"b": null}]}}),
            json!({"type": "write", "msg_id": 3, "key": null}),
            json!({"type": "cas", "msg_id": 4, "key": 1, "to": 2}),
            json!({"type": "drop tables", "msg_id": 5}),
            json!({"type": "read_ok", "in_reply_to": 7, "value": 1}),
        ] {
            for service in ["lin-kv", "seq-kv", "lww-kv", "lin-tso"] {
                server.send(service, &body)?;
            }
        }
        Ok(Next::Reply)
    }),
    kind("flood-garbage", FirstRequest, |_, _| {
        loop {
            print(&b"all work and no play makes a dull node\n".repeat(1000))?;
        }
    }),
    kind("flood-messages", FirstRequest, |server, _| {
        let message = json!({"src": server.id, "dest": server.id, "body": {"type": "hello", "padding": "x".repeat(8000)}});
        flood(&format!("{message}\n"))
    }),
    kind("flood-clients", FirstRequest, |server, _| {
        let message = json!({"src": server.id, "dest": "c0", "body": {"type": "hello", "in_reply_to": 1}});
        flood(&format!("{message}\n"))
    }),
    kind("flood-nobody", FirstRequest, |server, _| {
        let message = json!({"src": server.id, "dest": "nobody", "body": {"type": "hello"}});
        flood(&format!("{message}\n"))
    }),
    kind("flood-empty-lines", FirstRequest, |_, _| flood("\n")),
];

fn line(message: &Value) -> io::Result<()> {
    print(format!("{message}\n").as_bytes())
}

fn flood(text: &str) -> io::Result<Next> {
    let burst = text.repeat(((1 << 20) / text.len()).max(1));
    loop {
        print(burst.as_bytes())?;
    }
}
