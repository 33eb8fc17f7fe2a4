//! A node that breaks the rules on purpose: what the workbench must catch, survive and explain.
//!
//! `hostile KIND [WORKLOAD]` is a correct server of every workload, as long as it is the only node, except for the one thing that its
//! kind does. It is written without the node library, which would not let it misbehave.
//!
//! `hostile list` prints the kinds, one a line.
//!
//! - `server`: the correct part.
//! - `kind`: what a kind is: when it acts, and what follows.
//! - `kinds`: all of them: `protocol` (lines that are wrong), `replies` (answers that are wrong), `streams` (stdin, stdout, stderr and
//!   the log), `processes` (signals, children, the guard).
//! - `roles`: what the children do.

mod kind;
mod kinds;
mod roles;
mod server;

use std::{
    io::{self, BufRead},
    process::ExitCode,
};

use kind::{Kind, Next, When};
use serde_json::{Value, json};
use server::{Server, print, report};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    if name == "list" {
        let names: Vec<&str> = kinds::all().map(|kind| kind.name).collect();
        return finish(print(format!("{}\n", names.join("\n")).as_bytes()).map(|()| ExitCode::SUCCESS));
    }
    let workload = arguments.next().unwrap_or_default();
    if let Some(role) = name.strip_prefix("role:") {
        return finish(roles::play(role, &workload));
    }
    let Some(kind) = kinds::all().find(|kind| kind.name == name) else {
        report(&format!("unknown kind {name:?}; `hostile list` prints them"));
        return ExitCode::from(2);
    };
    finish(serve(kind, Server::new(workload)))
}

fn finish(result: io::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        report(&error.to_string());
        ExitCode::FAILURE
    })
}

fn serve(kind: &Kind, mut server: Server) -> io::Result<ExitCode> {
    if kind.when == When::Start
        && let Next::Exit(status) = (kind.act)(&mut server, &Value::Null)?
    {
        return Ok(ExitCode::from(status));
    }
    let mut requests = 0_u64;
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let kind_of_message = request["body"]["type"].as_str().unwrap_or_default();
        let is_init = kind_of_message == "init";
        if is_init {
            server.init(&request);
        } else if request["body"]["msg_id"].is_null() || !server.knows(kind_of_message) {
            continue;
        } else {
            requests += 1;
        }
        let is_time = match kind.when {
            When::Start => false,
            When::Init => is_init,
            When::AfterInit => {
                if is_init {
                    server.reply(&request, json!({"type": "init_ok"}))?;
                }
                is_init
            }
            When::FirstRequest => requests == 1 && !is_init,
            When::EachRequest => !is_init,
        };
        let next = if is_time { (kind.act)(&mut server, &request)? } else { Next::Reply };
        match next {
            Next::Exit(status) => return Ok(ExitCode::from(status)),
            Next::Silence => {}
            Next::Reply if is_init && kind.when == When::AfterInit => {}
            Next::Reply => {
                let reply = server.answer(&request);
                server.reply(&request, reply)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
