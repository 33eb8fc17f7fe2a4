//! The content types of a run's files.

use std::path::Path;

/// Whether a browser shows a file of this name as text.
pub(super) fn is_text(name: &str) -> bool {
    content_type(name).starts_with("text/plain")
}

/// The content type of a file. Only what the workbench itself draws is more than text or bytes.
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
