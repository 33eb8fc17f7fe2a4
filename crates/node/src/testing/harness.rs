//! One node, fed by hand.

use std::time::Duration;

use glomers_protocol::{Envelope, Header, NodeId, Request, RpcError, write_body, write_envelope};

use crate::{CoreOptions, Input, Node, NodeCore, Outputs, Random, Router, Time, rpc};

/// One node, fed by hand. Time stands still unless a test lets it pass.
///
/// ```
/// use std::time::Duration;
/// use glomers_node::testing::Harness;
/// use glomers_node::{Node, Router, RpcError, messages};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Nap {}
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct NapOk {}
/// messages! { "nap" Nap => "nap_ok" NapOk; }
///
/// struct Sleeper { node: Node }
///
/// impl Sleeper {
///     async fn nap(&self, _request: Nap) -> Result<NapOk, RpcError> {
///         self.node.sleep(Duration::from_millis(20)).await;
///         Ok(NapOk {})
///     }
/// }
///
/// let mut harness = Harness::new("n1", &["n1"], |node| Router::new(Sleeper { node }).on(Sleeper::nap));
/// let sent = harness.send_line(r#"{"src":"c1","dest":"n1","body":{"type":"nap","msg_id":1}}"#);
/// assert!(sent.is_empty());
/// let sent = harness.advance(Duration::from_millis(20));
/// assert_eq!(sent, [r#"{"src":"n1","dest":"c1","body":{"type":"nap_ok","in_reply_to":1}}"#]);
/// ```
#[derive(Debug)]
pub struct Harness {
    core: NodeCore,
    name: NodeId,
    now: Time,
    outputs: Outputs,
    /// What the node sent as it started, until the test first looks.
    unseen: Vec<String>,
    last_msg_id: u64,
}

impl Harness {
    /// A node that has had its init message and has answered it. What else it sent on that occasion comes
    /// with the next call.
    ///
    /// # Panics
    /// When the node does not answer with `init_ok`.
    pub fn new<S: 'static>(
        id: &str,
        node_ids: &[&str],
        start: impl FnOnce(Node) -> Router<S> + 'static,
    ) -> Self {
        let mut harness = Self::before_init(id, start);
        let init = serde_json::json!({
            "src": "c0", "dest": id, "body": {"type": "init", "msg_id": 0, "node_id": id, "node_ids": node_ids},
        });
        let mut lines = harness.send_line(&init.to_string());
        let init_ok = format!(r#"{{"src":"{id}","dest":"c0","body":{{"type":"init_ok","in_reply_to":0}}}}"#);
        let position = lines.iter().position(|line| *line == init_ok);
        lines.remove(
            position.unwrap_or_else(|| panic!("{id} does not answer init with init_ok but with {lines:?}")),
        );
        harness.unseen = lines;
        harness
    }

    /// A node that has had no message yet; `name` is what it will be called by.
    pub fn before_init<S: 'static>(name: &str, start: impl FnOnce(Node) -> Router<S> + 'static) -> Self {
        let core = NodeCore::new(CoreOptions::new(Random::derive(0, "test")), start);
        Self {
            core,
            name: name.into(),
            now: Time::ZERO,
            outputs: Outputs::new(),
            unseen: Vec::new(),
            last_msg_id: 0,
        }
    }

    /// Hands the node one line, and returns the lines it sends before it waits.
    ///
    /// # Panics
    /// When the line is not a message.
    pub fn send_line(&mut self, line: &str) -> Vec<String> {
        let envelope = Envelope::parse(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let input = Input::Message { src: &envelope.src, dest: &envelope.dest, body: envelope.body };
        self.core.step(self.now, input, &mut self.outputs);
        self.take_lines()
    }

    /// Sends a request from a client, and returns the node's answer.
    ///
    /// # Panics
    /// When the node does not answer at once: use a [`Cluster`](super::Cluster) where it needs others or
    /// time.
    ///
    /// # Errors
    /// The node's, if it answers with an error.
    pub fn ask<R: Request>(&mut self, request: &R) -> Result<R::Reply, RpcError> {
        self.last_msg_id += 1;
        let mut body = Vec::new();
        write_body(&mut body, R::TYPE, Some(self.last_msg_id), None, request)
            .unwrap_or_else(|error| panic!("{error}"));
        let mut line = Vec::new();
        write_envelope(&mut line, None, "c0", self.name.as_str(), &body);
        let lines = self.send_line(&String::from_utf8(line).expect("JSON text is UTF-8"));
        for line in &lines {
            let body = Envelope::parse(line).expect("the harness writes envelopes").body;
            let header = Header::parse(body).expect("the core writes headers");
            if header.in_reply_to == Some(self.last_msg_id.into()) {
                return rpc::read_reply::<R>(body, &self.name);
            }
        }
        panic!("{} does not answer `{}` at once; it sends {lines:?}", self.name, R::TYPE)
    }

    /// Lets time pass, timer by timer, and returns the lines that the node sends meanwhile.
    pub fn advance(&mut self, duration: Duration) -> Vec<String> {
        let end = self.now + duration;
        // What was spawned from outside begins now, not when the time has passed.
        self.core.step(self.now, Input::Tick, &mut self.outputs);
        while let Some(deadline) = self.core.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.core.step(self.now, Input::Tick, &mut self.outputs);
        }
        self.now = end;
        self.core.step(self.now, Input::Tick, &mut self.outputs);
        self.take_lines()
    }

    /// The core, for what the harness does not offer.
    pub fn core(&mut self) -> &mut NodeCore {
        &mut self.core
    }

    fn take_lines(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.unseen);
        for output in self.outputs.iter() {
            let mut line = Vec::new();
            write_envelope(&mut line, None, self.name.as_str(), output.dest.as_str(), output.body.as_bytes());
            lines.push(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
        }
        self.outputs.clear();
        lines
    }
}
