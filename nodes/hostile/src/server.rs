//! A correct server of every workload, as long as it is the only node.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_json::{Value, json};

/// The types of requests, over all workloads.
const REQUESTS: &[&str] = &[
    "echo",
    "generate",
    "topology",
    "broadcast",
    "add",
    "read",
    "write",
    "cas",
    "txn",
    "send",
    "poll",
    "commit_offsets",
    "list_committed_offsets",
];

/// The state of all workloads, of which a run uses one.
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) workload: String,
    generated: u64,
    elements: Vec<Value>,
    sum: i64,
    values: BTreeMap<String, Value>,
    logs: BTreeMap<String, Vec<Value>>,
    offsets: BTreeMap<String, Value>,
}

impl Server {
    pub(crate) fn new(workload: String) -> Self {
        Self {
            id: String::new(),
            workload,
            generated: 0,
            elements: Vec::new(),
            sum: 0,
            values: BTreeMap::new(),
            logs: BTreeMap::new(),
            offsets: BTreeMap::new(),
        }
    }

    pub(crate) fn init(&mut self, request: &Value) {
        self.id = request["body"]["node_id"].as_str().unwrap_or_default().to_owned();
    }

    pub(crate) fn knows(&self, kind: &str) -> bool {
        REQUESTS.contains(&kind)
    }

    /// The body of the correct reply.
    pub(crate) fn answer(&mut self, request: &Value) -> Value {
        let body = &request["body"];
        match body["type"].as_str().unwrap_or_default() {
            "init" => json!({"type": "init_ok"}),
            "echo" => json!({"type": "echo_ok", "echo": body["echo"]}),
            "generate" => {
                self.generated += 1;
                json!({"type": "generate_ok", "id": format!("{}-{}-{}", self.id, std::process::id(), self.generated)})
            }
            "broadcast" => {
                self.elements.push(body["message"].clone());
                json!({"type": "broadcast_ok"})
            }
            "add" => {
                self.sum += body["delta"].as_i64().unwrap_or(0);
                if !body["element"].is_null() {
                    self.elements.push(body["element"].clone());
                }
                json!({"type": "add_ok"})
            }
            "read" => self.read(body),
            "write" => {
                self.values.insert(body["key"].to_string(), body["value"].clone());
                json!({"type": "write_ok"})
            }
            "cas" => self.compare_and_set(body),
            "txn" => self.transact(body),
            "send" => {
                let log = self.logs.entry(text(&body["key"])).or_default();
                log.push(body["msg"].clone());
                json!({"type": "send_ok", "offset": log.len() - 1})
            }
            "poll" => self.poll(body),
            "commit_offsets" => {
                for (key, offset) in body["offsets"].as_object().into_iter().flatten() {
                    self.offsets.insert(key.clone(), offset.clone());
                }
                json!({"type": "commit_offsets_ok"})
            }
            "list_committed_offsets" => json!({"type": "list_committed_offsets_ok", "offsets": self.offsets}),
            other => json!({"type": format!("{other}_ok")}),
        }
    }

    pub(crate) fn reply(&self, request: &Value, mut body: Value) -> io::Result<()> {
        body["in_reply_to"] = request["body"]["msg_id"].clone();
        self.send(request["src"].as_str().unwrap_or_default(), &body)
    }

    pub(crate) fn send(&self, dest: &str, body: &Value) -> io::Result<()> {
        print(format!("{}\n", json!({"src": self.id, "dest": dest, "body": body})).as_bytes())
    }

    /// The line of the correct reply, without its newline.
    pub(crate) fn reply_line(&mut self, request: &Value) -> String {
        let mut body = self.answer(request);
        body["in_reply_to"] = request["body"]["msg_id"].clone();
        json!({"src": self.id, "dest": request["src"], "body": body}).to_string()
    }

    fn read(&self, body: &Value) -> Value {
        if let Some(key) = body.get("key") {
            return match self.values.get(&key.to_string()) {
                Some(value) => json!({"type": "read_ok", "value": value}),
                None => json!({"type": "error", "code": 20, "text": "no such key"}),
            };
        }
        match self.workload.as_str() {
            "g-counter" | "pn-counter" => json!({"type": "read_ok", "value": self.sum}),
            "g-set" => json!({"type": "read_ok", "value": self.elements}),
            _ => json!({"type": "read_ok", "messages": self.elements}),
        }
    }

    fn compare_and_set(&mut self, body: &Value) -> Value {
        match self.values.get_mut(&body["key"].to_string()) {
            None => json!({"type": "error", "code": 20, "text": "no such key"}),
            Some(value) if *value == body["from"] => {
                *value = body["to"].clone();
                json!({"type": "cas_ok"})
            }
            Some(_) => json!({"type": "error", "code": 22, "text": "another value"}),
        }
    }

    fn transact(&mut self, body: &Value) -> Value {
        let mut done = Vec::new();
        for step in body["txn"].as_array().into_iter().flatten() {
            let (f, key, value) = (&step[0], &step[1], &step[2]);
            let place = self.values.entry(key.to_string()).or_insert(Value::Null);
            match f.as_str() {
                Some("append") => match place {
                    Value::Array(list) => list.push(value.clone()),
                    _ => *place = json!([value]),
                },
                Some("w") => *place = value.clone(),
                _ => {}
            }
            done.push(if f == "r" { json!([f, key, place]) } else { step.clone() });
        }
        json!({"type": "txn_ok", "txn": done})
    }

    fn poll(&self, body: &Value) -> Value {
        let mut found = serde_json::Map::new();
        for (key, from) in body["offsets"].as_object().into_iter().flatten() {
            let from = usize::try_from(from.as_u64().unwrap_or(0)).unwrap_or(0);
            let log = self.logs.get(key).map(Vec::as_slice).unwrap_or_default();
            let messages =
                log.iter().enumerate().skip(from).map(|(offset, message)| json!([offset, message]));
            found.insert(key.clone(), messages.collect());
        }
        json!({"type": "poll_ok", "msgs": found})
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(crate) fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// A line on stderr, for a person.
pub(crate) fn report(line: &str) {
    // A closed stderr is one of the kinds.
    let _ = writeln!(io::stderr(), "{line}");
}
