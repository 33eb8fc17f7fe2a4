//! The protocol page, generated from the registries: workloads, faults, services, error codes.

use std::fmt::Write as _;

use glomers_protocol::ErrorCode;
use glomers_workbench::{nemeses, schema::Rpc, workloads};

/// The page on workloads, faults, services and error codes, in Markdown.
pub fn protocol_page() -> String {
    let mut page = String::from(
        "# The protocol\n\nThe messages of every workload, the faults, the services and the error codes. `glomers doc` prints this page.\n\n\
         ## Workloads\n",
    );
    for workload in workloads::ALL {
        let _ = write!(page, "\n### {}\n\n{}\n", workload.name, workload.doc);
        for rpc in workload.rpcs {
            page.push_str(&describe(rpc));
        }
    }
    page.push_str("\n## Faults\n\n| `--nemesis` | what it does |\n|---|---|\n");
    for fault in nemeses::ALL {
        let _ = writeln!(page, "| `{}` | {} |", fault.name, fault.doc);
    }
    page.push_str("\n## Services\n\n| name | what it is |\n|---|---|\n");
    for service in glomers_world::services::ALL {
        let _ = writeln!(page, "| `{}` | {} |", service.name, service.doc);
    }
    page.push_str(
        "\n## Error codes\n\nA definite error means that the operation certainly did not happen. After any other error it may have \
         happened. Nodes may use codes from 1000 up for their own errors; these are never definite.\n\n| code | name | definite |\n|---|---|---|\n",
    );
    for info in ErrorCode::REGISTRY {
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            info.code.0,
            info.name,
            if info.is_definite { "yes" } else { "no" }
        );
    }
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
