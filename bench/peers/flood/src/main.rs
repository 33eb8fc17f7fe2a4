//! Nodes that keep the network full: each pair always has two messages under way, and each that arrives is sent back at once.
//!
//! There is nothing to check in it. Clients are answered as an echo node would, so that it runs as the echo workload.

use std::{process::ExitCode, time::Duration};

use glomers_node::{Node, NodeId, Router, RpcError, messages};
use serde::{Deserialize, Serialize};

/// Long enough for every node to have had its init message, which a workbench sends to all of them at once.
const HEAD_START: Duration = Duration::from_millis(500);

#[derive(Serialize, Deserialize)]
struct Flood {
    hops: u64,
}

#[derive(Serialize, Deserialize)]
struct Echo {
    echo: String,
}

#[derive(Serialize, Deserialize)]
struct EchoOk {
    echo: String,
}

messages! {
    "flood" Flood;
    "echo" Echo => "echo_ok" EchoOk;
}

struct FloodServer {
    node: Node,
}

impl FloodServer {
    fn new(node: Node) -> Self {
        let first = node.clone();
        node.spawn(async move {
            first.sleep(HEAD_START).await;
            for peer in first.peers() {
                first.send(peer.clone(), &Flood { hops: 0 });
            }
        });
        Self { node }
    }

    async fn flood(&self, src: NodeId, flood: Flood) {
        self.node.send(src, &Flood { hops: flood.hops + 1 });
    }

    async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> {
        Ok(EchoOk { echo: request.echo })
    }
}

fn main() -> ExitCode {
    glomers_node::run(|node| {
        Router::new(FloodServer::new(node)).on_notice(FloodServer::flood).on(FloodServer::echo)
    })
}
