//! The server of ids.

use std::cell::Cell;

use glomers_node::{Node, Router, RpcError, messages};

messages! {
    /// Asks for an id.
    "generate" pub struct Generate {} =>
    /// Answers [`Generate`].
    "generate_ok" pub struct GenerateOk {
        /// The id, which nobody else has got or will get.
        pub id: String,
    };
}

/// A server that gives out ids, each once.
#[derive(Debug)]
pub struct UniqueIdServer {
    /// What all ids of this start begin with: the node's name and the start's random bits.
    prefix: String,
    given_out: Cell<u64>,
}

impl UniqueIdServer {
    /// Called once the init message has come: every start draws anew.
    pub fn new(node: &Node) -> Self {
        let start = base_36(node.rng().next_u64());
        Self { prefix: format!("{}-{start}-", node.id()), given_out: Cell::new(0) }
    }

    /// The server with its one handler.
    #[expect(clippy::needless_pass_by_value, reason = "a server is made from its node")]
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self::new(&node)).on(Self::generate)
    }

    async fn generate(&self, _request: Generate) -> Result<GenerateOk, RpcError> {
        let count = self.given_out.get();
        self.given_out.set(count + 1);
        Ok(GenerateOk { id: format!("{}{}", self.prefix, base_36(count)) })
    }
}

/// A number in the digits `0` to `9` and `a` to `z`.
fn base_36(mut number: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut text = String::new();
    loop {
        text.insert(0, char::from(DIGITS[(number % 36) as usize]));
        number /= 36;
        if number == 0 {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use glomers_node::testing::Harness;
    use glomers_node::{CoreOptions, Input, NodeCore, Outputs, Random, Time};

    use super::*;

    #[test]
    fn ids_of_one_start_differ_by_their_count() {
        let mut harness = Harness::new("n1", &["n1"], UniqueIdServer::router);
        let ids: Vec<String> = (0..37).map(|_| harness.ask(&Generate {}).unwrap().id).collect();
        let (prefix, first) = ids[0].rsplit_once('-').unwrap();
        assert!(prefix.starts_with("n1-"), "{prefix}");
        assert_eq!(first, "0");
        assert_eq!(ids[36], format!("{prefix}-10"));
    }

    #[test]
    fn two_starts_of_one_node_give_out_different_ids() {
        let first_id = |stream: &str| {
            let random = Random::derive(0, stream);
            let mut core = NodeCore::new(CoreOptions::new(random), UniqueIdServer::router);
            let mut outputs = Outputs::new();
            for body in [
                r#"{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}"#,
                r#"{"type":"generate","msg_id":2}"#,
            ] {
                let body = &glomers_node::RawValue::from_string(body.to_owned()).unwrap();
                core.step(Time::ZERO, Input::Message { src: "c1", dest: "n1", body }, &mut outputs);
            }
            outputs.iter().last().unwrap().body.to_owned()
        };
        assert_ne!(first_id("node n1"), first_id("node n1, start 1"));
        assert_eq!(first_id("node n1"), first_id("node n1"), "the random stream is all that it depends on");
    }

    #[test]
    fn numbers_to_base_36() {
        for (number, text) in [(0, "0"), (35, "z"), (36, "10"), (100, "2s"), (u64::MAX, "3w5e11264sgsf")] {
            assert_eq!(base_36(number), text);
        }
    }
}
