//! Replies that are wrong, late, doubled, or none at all.

use serde_json::{Value, json};

use super::reply_changed;
use crate::{
    kind::{
        Kind, Next,
        When::{EachRequest, FirstRequest},
        kind,
    },
    server::{Server, print},
};

pub(super) const KINDS: &[Kind] = &[
    kind("no-reply", EachRequest, |_, _| Ok(Next::Silence)),
    kind("wrong-echo", EachRequest, |server, request| {
        with(server, request, |body| {
            for (key, value) in body.as_object_mut().into_iter().flatten() {
                if !["type", "in_reply_to"].contains(&key.as_str()) {
                    *value = json!("something else");
                }
            }
        })
    }),
    kind("wrong-shape", EachRequest, |server, request| {
        with(server, request, |body| *body = json!({"type": body["type"]}))
    }),
    kind("wrong-type", EachRequest, |server, request| {
        with(server, request, |body| body["type"] = json!("read_okay"))
    }),
    kind("no-type", EachRequest, |server, request| with(server, request, |body| body["type"] = Value::Null)),
    kind("number-as-type", EachRequest, |server, request| {
        with(server, request, |body| body["type"] = json!(5))
    }),
    kind("definite-error", EachRequest, |server, request| {
        with(server, request, |body| *body = json!({"type": "error", "code": 14, "text": "abort for fun"}))
    }),
    kind("indefinite-error", EachRequest, |server, request| {
        with(server, request, |body| {
            *body = json!({"type": "error", "code": 13, "text": "panicked at main.rs:7"});
        })
    }),
    kind("error-without-code", EachRequest, |server, request| {
        with(server, request, |body| *body = json!({"type": "error", "text": "no"}))
    }),
    kind("error-with-text-code", EachRequest, |server, request| {
        with(server, request, |body| *body = json!({"type": "error", "code": "13"}))
    }),
    kind("error-with-huge-code", EachRequest, |server, request| {
        with(server, request, |body| *body = json!({"type": "error", "code": u64::MAX}))
    }),
    kind("error-with-negative-code", EachRequest, |server, request| {
        with(server, request, |body| *body = json!({"type": "error", "code": -1}))
    }),
    kind("error-with-long-text", EachRequest, |server, request| {
        with(server, request, |body| {
            *body = json!({"type": "error", "code": 14, "text": "x".repeat(1 << 20)});
        })
    }),
    kind("error-with-escapes", EachRequest, |server, request| {
        with(server, request, |body| {
            *body = json!({"type": "error", "code": 14, "text": "\u{1b}]0;owned\u{7}\u{202e}\u{9b}2J\u{85}"});
        })
    }),
    kind("reply-twice", EachRequest, |server, request| {
        let reply = server.answer(request);
        server.reply(request, reply.clone())?;
        server.reply(request, reply)?;
        Ok(Next::Silence)
    }),
    kind("reply-a-thousand-times", EachRequest, |server, request| {
        reply_changed(server, request, |line| format!("{line}\n").repeat(1000))
    }),
    kind("late-replies", EachRequest, |server, request| {
        let line = server.reply_line(request);
        std::thread::spawn(move || {
            std::thread::park_timeout(std::time::Duration::from_millis(700));
            print(format!("{line}\n").as_bytes())
        });
        Ok(Next::Silence)
    }),
    kind("in-reply-to-another", EachRequest, |server, request| in_reply_to(server, request, &json!(999_999))),
    kind("in-reply-to-text", EachRequest, |server, request| {
        let text = request["body"]["msg_id"].to_string();
        in_reply_to(server, request, &json!(text))
    }),
    kind("in-reply-to-fraction", EachRequest, |server, request| in_reply_to(server, request, &json!(1.5))),
    kind("in-reply-to-nothing", EachRequest, |server, request| in_reply_to(server, request, &Value::Null)),
    kind("in-reply-to-negative", EachRequest, |server, request| in_reply_to(server, request, &json!(-1))),
    kind("reply-to-another-client", EachRequest, |server, request| {
        let mut body = server.answer(request);
        body["in_reply_to"] = request["body"]["msg_id"].clone();
        server.send("c0", &body)?;
        Ok(Next::Silence)
    }),
    kind("reply-to-service", EachRequest, |server, request| {
        let body = server.answer(request);
        server.send("lin-kv", &body)?;
        Ok(Next::Reply)
    }),
    kind("guessed-replies", FirstRequest, |server, request| {
        for msg_id in 0..1000 {
            let mut body = server.answer(request);
            body["in_reply_to"] = json!(msg_id);
            server.send(request["src"].as_str().unwrap_or_default(), &body)?;
        }
        Ok(Next::Reply)
    }),
    kind("huge-reply", EachRequest, |server, request| {
        with(server, request, |body| body["padding"] = json!("x".repeat(4 << 20)))
    }),
    kind("reply-with-many-keys", EachRequest, |server, request| {
        with(server, request, |body| {
            for number in 0..10_000 {
                body[format!("key-{number}")] = json!(number);
            }
        })
    }),
    kind("old-replies", EachRequest, |server, request| {
        // Answers with what would have been right a request ago.
        let last = server.id.clone();
        with(server, request, |body| body["echo"] = json!(last))
    }),
];

/// Sends the correct reply after a change to its body.
fn with(server: &mut Server, request: &Value, change: impl FnOnce(&mut Value)) -> std::io::Result<Next> {
    let mut body = server.answer(request);
    change(&mut body);
    server.reply(request, body)?;
    Ok(Next::Silence)
}

fn in_reply_to(server: &mut Server, request: &Value, number: &Value) -> std::io::Result<Next> {
    let mut body = server.answer(request);
    body["in_reply_to"] = number.clone();
    server.send(request["src"].as_str().unwrap_or_default(), &body)?;
    Ok(Next::Silence)
}
