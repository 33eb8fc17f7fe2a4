//! The name of a field is guessed.

// ANCHOR: node
use glomers_node::{Node, Router, RpcError, messages};

messages! {
    "echo" struct EchoRequest { text: String } => "echo_ok" struct EchoOk { text: String };
}

/// Answers with the `text` that it is sent. There is none: the field is called `echo`.
#[derive(Debug)]
pub struct Echo;

impl Echo {
    /// The server with its handler.
    pub fn router(_node: Node) -> Router<Self> {
        Router::new(Self).on(Self::echo)
    }

    async fn echo(&self, request: EchoRequest) -> Result<EchoOk, RpcError> {
        Ok(EchoOk { text: request.text })
    }
}
// ANCHOR_END: node
