//! All kinds.

mod processes;
mod protocol;
mod replies;
mod streams;

use std::io;

use serde_json::Value;

use crate::{
    kind::{Kind, Next, When, kind},
    server::Server,
};

/// A correct node.
const NONE: &[Kind] = &[kind("none", When::AfterInit, |_, _| Ok(Next::Reply))];

/// Every kind.
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    [NONE, protocol::KINDS, replies::KINDS, streams::KINDS, processes::KINDS].into_iter().flatten()
}

/// Does something, and then answers as it should.
fn then_reply(result: io::Result<()>) -> io::Result<Next> {
    result.map(|()| Next::Reply)
}

/// Waits for ever, and reads nothing.
fn wait_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Prints the correct reply after a change to its text.
fn reply_changed(
    server: &mut Server,
    request: &Value,
    change: impl FnOnce(String) -> String,
) -> io::Result<Next> {
    let line = server.reply_line(request);
    crate::server::print(change(line).as_bytes())?;
    Ok(Next::Silence)
}
