//! What the files of a run are said to be when they are sent.

use std::path::Path;

/// Whether a browser shows a file of this name as text.
pub(super) fn is_text(name: &str) -> bool {
    content_type(name).starts_with("text/plain")
}

/// What a file is said to be. Only what the workbench draws itself is more than text or bytes.
pub(super) fn content_type(name: &str) -> &'static str {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    match (name, extension) {
        ("timeline.html", _) => "text/html; charset=utf-8",
        (_, Some("svg")) => "image/svg+xml",
        (_, Some("png")) => "image/png",
        (_, Some("edn" | "txt" | "log" | "json" | "jsonl" | "html" | "xml" | "md" | "toml")) => {
            "text/plain; charset=utf-8"
        }
        _ => "application/octet-stream",
    }
}
