//! The text formats: told apart, read entry by entry, and refused by line.

use std::io::{self, BufReader, Read};

use glomers_check::formats::{Format, Reader};
use glomers_check::{HistoryError, Operation, Process};

fn read(text: &str) -> Result<Vec<String>, String> {
    let reader = Reader::new(text.as_bytes()).map_err(|error| error.to_string())?;
    let operations: Result<Vec<Operation>, HistoryError> = reader.collect();
    Ok(operations.map_err(|error| error.to_string())?.iter().map(Operation::to_text_line).collect())
}

#[test]
fn every_format_is_told_from_its_beginning() {
    for (text, format) in [
        ("#jepsen.history.Op{:type :ok", Format::Edn),
        ("; a comment {\n ( ; another\n {:type :ok", Format::Edn),
        ("[]", Format::Edn),
        (" [\n\t{\n\"type\"", Format::Json),
        ("{\"type\": \"ok\"}", Format::Json),
        ("0\t:invoke\t:read\tnil", Format::Log),
        ("INFO  started\nINFO  jepsen.util - :nemesis :info :start nil", Format::Log),
        ("\n\nr 1 2\n", Format::Awdit),
    ] {
        assert_eq!(Format::of(text.as_bytes()), Some(format), "{text}");
    }
    for text in ["", "  ", "r 1", "type,process\nok,1", "\u{fffd}"] {
        assert_eq!(Format::of(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn the_same_operations_come_from_every_format_that_has_them() {
    let expected = ["4\t:invoke\t:cas\t[1 2]", "4\t:fail\t:cas\t[1 2]\t:lost"];
    let edn = "{:type :invoke, :process 4, :f :cas, :value [1 2]}
        {:type :fail, :process 4, :f :cas, :value [1 2], :error :lost}";
    let json = r#"{"type":"invoke","process":4,"f":"cas","value":[1,2]}
        {"type":"fail","process":4,"f":"cas","value":[1,2],"error":"lost"}"#;
    let log = "INFO  jepsen.util - 4\t:invoke\t:cas\t[1 2]\nWARN  something else - entirely\n\
        INFO  jepsen.util - 4\t:fail\t:cas\t[1 2]\t:lost\n";
    for text in [edn, json, log, &expected.join("\n")] {
        assert_eq!(read(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn sessions_become_processes_and_steps_transactions() {
    let operations = read("w 1 7\nr 2 3\n-----\n=====\nr 1 7\n").unwrap();
    assert_eq!(
        operations,
        [
            "0\t:invoke\t:txn\t[[:w 1 7] [:r 2 nil]]",
            "0\t:ok\t:txn\t[[:w 1 7] [:r 2 3]]",
            "1\t:invoke\t:txn\t[[:r 1 nil]]",
            "1\t:ok\t:txn\t[[:r 1 7]]"
        ]
    );
}

#[test]
fn what_makes_no_sense_is_named_by_its_line() {
    insta::assert_snapshot!(read("r 1 1\nr 1 x\n").unwrap_err(), @r#"line 2 of the history is "r 1 x"; expected `r KEY VALUE`, `w KEY VALUE`, `-----` or `=====`"#);
    insta::assert_snapshot!(read("3 :invoke :read nil\n3 :ok :read [\n").unwrap_err(), @r#"line 2 of the history is "3 :ok :read ["; expected process, type, function and value, such as `3 :ok :read 5`"#);
    insta::assert_snapshot!(read("\n{\"type\": \"ok\",\n \"process\": }").unwrap_err(), @"the history is not JSON: line 3, column 13: expected value");
    insta::assert_snapshot!(read("[{:type :ok, :process 0, :f :read}\n {:type 3}]").unwrap_err(), @"line 2 of the history is not an operation: :type is 3; expected, for example, {:type :invoke, :process 0, :f :read, :value nil}");
    insta::assert_snapshot!(read("<html>").unwrap_err(), @r#"the text resembles no history: it begins with "<html>"; expected EDN or JSON maps of :type, :process, :f and :value, a Jepsen log, or AWDIT's text format"#);
}

/// A history without an end, in one vector.
struct Endless;

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const ENTRY: &[u8] = b"{:type :invoke, :process 7, :f :read, :value nil}\n";
        buffer[..ENTRY.len()].copy_from_slice(ENTRY);
        Ok(ENTRY.len())
    }
}

#[test]
fn a_vector_is_read_as_it_comes() {
    let source = BufReader::new(b"[".chain(Endless));
    let operations = Reader::new(source).unwrap().take(10_000);
    assert!(operations.map(Result::unwrap).all(|operation| operation.process == Process::Client(7)));
}

/// A bracket that never closes.
struct Unclosed;

impl Read for Unclosed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(b' ');
        Ok(buffer.len())
    }
}

#[test]
fn an_entry_without_an_end_is_refused_before_it_fills_the_memory() {
    let mut reader = Reader::new(BufReader::new(b"{:type ".chain(Unclosed))).unwrap();
    assert!(matches!(reader.next(), Some(Err(HistoryError::TooLong { line: 1, .. }))));
    assert!(reader.next().is_none());
}
