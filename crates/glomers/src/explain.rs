//! What the services promise and what the faults do, with examples: `glomers explain seq-kv`.
//!
//! The examples are not canned. Each is run on the real service with a fixed seed whenever the page is printed, and every answer that a
//! linearizable service would not have given is marked.

mod scene;
mod services;

use std::fmt::Write as _;

use glomers_workbench::nemeses;

use crate::wrap;

/// The topic about faults that a person writes down.
const SCRIPT: &str = "nemesis-script";

/// What can be explained, with one sentence each: the services, the faults, and the script of faults.
pub fn topics() -> impl Iterator<Item = (&'static str, &'static str)> {
    let services = glomers_world::services::ALL.iter().map(|service| (service.name, service.doc));
    let faults = nemeses::ALL.iter().map(|fault| (fault.name, fault.doc));
    services.chain(faults).chain([(SCRIPT, nemeses::script::DOC)])
}

/// The names of all topics, and a sentence for each.
pub fn contents() -> String {
    let mut page = String::from("`glomers explain TOPIC` explains one of these:\n\n");
    for (name, doc) in topics() {
        let line = wrap::lines(doc.split(' '), &format!("  {name:<15}"), &" ".repeat(17));
        let _ = writeln!(page, "{line}");
    }
    page
}

/// The explanation of a topic, as text for a terminal; `None` where there is no such topic.
pub fn page(topic: &str) -> Option<String> {
    let (name, doc) = topics().find(|(name, _)| *name == topic)?;
    let mut page = format!("{}\n", wrap::paragraphs(&format!("{name}: {doc}")));
    match services::find(name) {
        Some(explanation) => explanation.write(&mut page),
        None if name == SCRIPT => page.push_str(nemeses::script::EXPLANATION),
        None => {
            let fault = nemeses::find(name)?;
            let _ = write!(page, "\n{}\n", wrap::paragraphs(fault.explanation));
            if !fault.settings.is_empty() {
                page.push_str("\nOptions:\n");
            }
            for setting in fault.settings {
                let option = format!("--{} {}", setting.name, setting.value_name());
                let doc = wrap::lines(setting.doc.split(' '), "      ", "      ");
                let _ = writeln!(page, "  {option}\n{doc}\n      [default: {}]", setting.default);
            }
        }
    }
    Some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_shows_the_page_that_is_printed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/faults-and-services.md");
        let book = std::fs::read_to_string(path).expect("the page of the book is there");
        let shown = page("seq-kv").expect("seq-kv is explained");
        assert!(book.contains(&shown), "{path} shows another page than `glomers explain seq-kv`:\n{shown}");
        for (name, _) in topics() {
            assert!(book.contains(&format!("`{name}`")), "{path} does not mention {name}");
        }
    }

    #[test]
    fn every_topic_has_a_page_that_begins_with_its_name_and_fits_a_terminal() {
        for (name, _) in topics() {
            let page = page(name).unwrap_or_else(|| panic!("{name} has no page"));
            assert!(page.starts_with(&format!("{name}: ")), "{page}");
            assert!(contents().contains(name));
            let longest = page.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            assert!(longest <= wrap::PAGE_COLUMNS, "a line of {name} has {longest} characters:\n{page}");
        }
        assert!(contents().lines().all(|line| line.chars().count() <= wrap::PAGE_COLUMNS), "{}", contents());
        assert_eq!(page("paxos"), None);
    }
}
