//! Which ids of clients are not answered yet.

use std::collections::{BTreeMap, BTreeSet};

use glomers_protocol::NodeId;
use serde_json::{Map, Value};

/// The ids of the clients' requests that are not answered yet.
#[derive(Default)]
pub(crate) struct OpenRequests(BTreeMap<NodeId, BTreeSet<String>>);

impl OpenRequests {
    pub(crate) fn observe(&mut self, src: &NodeId, dest: &NodeId, body: &Map<String, Value>) {
        const MAX_OF_CLIENT: usize = 1_000;
        if src.is_client() {
            let ids = self.0.entry(src.clone()).or_default();
            ids.extend(body.get("msg_id").map(Value::to_string));
            if ids.len() > MAX_OF_CLIENT {
                ids.pop_first();
            }
        } else if let (Some(ids), Some(answered)) = (self.0.get_mut(dest), body.get("in_reply_to")) {
            ids.remove(&answered.to_string());
        }
    }

    pub(super) fn has(&self, client: &NodeId, id: &str) -> bool {
        self.0.get(client).is_some_and(|ids| ids.contains(id))
    }
}
