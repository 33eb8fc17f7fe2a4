//! Echo: the smallest node.

// ANCHOR: node
use glomers_node::{Node, RawValue, Router, RpcError, messages};

messages! {
    "echo" struct EchoRequest { echo: Box<RawValue> } => "echo_ok" struct EchoOk { echo: Box<RawValue> };
}

/// Answers with what it is sent.
#[derive(Debug)]
pub struct Echo;

impl Echo {
    /// The server with its handler.
    pub fn router(_node: Node) -> Router<Self> {
        Router::new(Self).on(Self::echo)
    }

    async fn echo(&self, request: EchoRequest) -> Result<EchoOk, RpcError> {
        Ok(EchoOk { echo: request.echo })
    }
}
// ANCHOR_END: node
