//! The protocol page: how a node talks, and what the registries say of workloads, faults, services and error codes.

use std::fmt::Write as _;

use glomers_protocol::ErrorCode;
use glomers_workbench::{
    nemeses,
    schema::Rpc,
    service_rpcs::{self, ServiceRpcs},
    workloads,
};

/// What holds for every message.
const MESSAGES: &str = include_str!("doc/messages.md");
/// What a node may expect of the machine.
const PROCESS: &str = include_str!("doc/process.md");

/// All that one needs to write a node in any language, in Markdown.
pub fn protocol_page() -> String {
    let mut page = format!("# The protocol\n\n{MESSAGES}");
    page.push_str("| code | name | definite |\n|---|---|---|\n");
    for info in ErrorCode::REGISTRY {
        let is_definite = if info.is_definite { "yes" } else { "no" };
        let _ = writeln!(page, "| {} | {} | {is_definite} |", info.code.0, info.name);
    }
    page.push_str("\n## Workloads\n");
    for workload in workloads::ALL {
        let _ = write!(page, "\n### {}\n\n{}\n", workload.name, workload.doc);
        for rpc in workload.rpcs {
            page.push_str(&describe(rpc));
        }
    }
    page.push_str(
        "\n## Services\n\nNodes may send requests to these names, as to other nodes. No fault cuts a service off. Keys and values are any JSON.\n\n\
         | name | what it is |\n|---|---|\n",
    );
    for service in glomers_world::services::ALL {
        let _ = writeln!(page, "| `{}` | {} |", service.name, service.doc);
    }
    for ServiceRpcs { services, rpcs } in service_rpcs::ALL {
        let names: Vec<String> = services.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(page, "\n### The requests of {}\n", names.join(", "));
        for rpc in *rpcs {
            page.push_str(&describe(rpc));
        }
    }
    page.push_str("\n## Faults\n\n| `--nemesis` | what it does |\n|---|---|\n");
    for fault in nemeses::ALL {
        let _ = writeln!(page, "| `{}` | {} |", fault.name, fault.doc);
    }
    let _ = write!(page, "\n{PROCESS}");
    page
}

fn describe(rpc: &Rpc) -> String {
    format!(
        "\n#### `{}`\n\n{}\n\nRequest:\n\n```text\n{}\n```\n\nReply:\n\n```text\n{}\n```\n",
        rpc.name,
        rpc.doc,
        rpc.describe_request(),
        rpc.describe_reply()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_book_is_the_one_that_the_registries_write() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/protocol.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == protocol_page(),
            "docs/src/protocol.md is out of date; run `glomers doc > docs/src/protocol.md`"
        );
    }
}
