//! The echo server.

use glomers_node::{Node, RawValue, Router, RpcError, messages};

messages! {
    /// Asks for its own contents: any JSON, kept as text, so that nothing of it is lost.
    "echo" pub struct Echo {
        /// What is to come back.
        pub echo: Box<RawValue>,
    } =>
    /// Answers [`Echo`].
    "echo_ok" pub struct EchoOk {
        /// What was sent.
        pub echo: Box<RawValue>,
    };
}

/// A server that answers with what it was sent. The node is all that it knows.
#[derive(Debug)]
pub struct EchoServer {
    node: Node,
}

impl EchoServer {
    /// Called once the init message has come.
    pub fn new(node: Node) -> Self {
        tracing::info!("node id set to {}", node.id());
        Self { node }
    }

    /// The server with its one handler.
    pub fn router(node: Node) -> Router<Self> {
        Router::new(Self::new(node)).on(Self::echo)
    }

    async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> {
        tracing::trace!("{} echoes {}", self.node.id(), request.echo);
        Ok(EchoOk { echo: request.echo })
    }
}

#[cfg(test)]
mod tests {
    use glomers_node::RawValue;
    use glomers_node::testing::{Cluster, Harness};

    use super::{Echo, EchoServer};

    #[test]
    fn what_is_sent_comes_back_as_it_was() {
        let mut harness = Harness::new("n1", &["n1"], EchoServer::router);
        let sent = r#"{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":1,"echo":{"b":1.50,"a":18446744073709551616}}}"#;
        let reply = r#"{"src":"n1","dest":"c1","body":{"type":"echo_ok","in_reply_to":1,"echo":{"b":1.50,"a":18446744073709551616}}}"#;
        assert_eq!(harness.send_line(sent), [reply]);
    }

    #[test]
    fn every_node_of_a_cluster_echoes() {
        let mut cluster = Cluster::new(&["n1", "n2"], EchoServer::router);
        for node in ["n1", "n2"] {
            let echo = RawValue::from_string("\"Please echo 7\"".to_owned()).unwrap();
            let reply = cluster.call(node, Echo { echo }).unwrap();
            assert_eq!(reply.echo.get(), "\"Please echo 7\"");
        }
    }
}
