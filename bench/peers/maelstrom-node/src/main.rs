//! An echo node on the `maelstrom-node` crate, at that crate's defaults: a Tokio runtime with a thread a core, and a log of every message.

use std::sync::Arc;

use async_trait::async_trait;
use maelstrom::{Node, Result, Runtime, done, protocol::Message};

struct EchoServer;

#[async_trait]
impl Node for EchoServer {
    async fn process(&self, runtime: Runtime, request: Message) -> Result<()> {
        if request.get_type() != "echo" {
            return done(runtime, request);
        }
        let reply = request.body.clone().with_type("echo_ok");
        runtime.reply(request, reply).await
    }
}

fn main() -> Result<()> {
    Runtime::init(async { Runtime::new().with_handler(Arc::new(EchoServer)).run().await })
}
