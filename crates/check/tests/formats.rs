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
    insta::assert_snapshot!(read("\n{\"type\": \"ok\",\n \"process\": }").unwrap_err(), @"the history is not JSON: line 3, column 13: expected a value");
    insta::assert_snapshot!(read("[{:type :ok, :process 0, :f :read}\n {:type 3}]").unwrap_err(), @"line 2 of the history is not an operation: :type is 3; expected, for example, {:type :invoke, :process 0, :f :read, :value nil}");
    insta::assert_snapshot!(read("<html>").unwrap_err(), @r#"the text resembles no history: it begins with "<html>"; expected EDN or JSON maps of :type, :process, :f and :value, a Jepsen log, AWDIT's text format, or Plume's"#);
}

/// What every reader has to make of a history that writes 1 and reads it.
fn assert_reads(text: &str, expected: &[&str]) {
    assert_eq!(read(text).unwrap_or_else(|error| panic!("{text}: {error}")), expected, "{text}");
}

#[test]
fn edn_may_have_what_clojure_prints() {
    let write = |value: &str| format!("{{:type :invoke, :process 0, :f :write, :value {value}}}");
    assert_reads(
        &write("#:a{:b 1, c 2, :_/d 3, \"e\" 4}"),
        &["0\t:invoke\t:write\t{:a/b 1, a/c 2, :d 3, \"e\" 4}"],
    );
    assert_reads(
        &write("[2/6 4/2 0x1F -0xff 017 36rZZ 1.50M 7N]"),
        &["0\t:invoke\t:write\t[1/3 2 31 -255 15 1295 1.5M 7]"],
    );
    assert_reads(
        &write("#object[java.lang.Object 0x4c683777 \"java.lang.Object@4c683777\"]"),
        &["0\t:invoke\t:write\t#object[java.lang.Object 1281898359 \"java.lang.Object@4c683777\"]"],
    );
    assert_reads(
        &write("1180591620717411303424000000000000000000001N"),
        &["0\t:invoke\t:write\t1180591620717411303424000000000000000000001N"],
    );
    for wrong in [
        "1e400",
        "1/0",
        "09",
        "3r12x",
        "1.5N",
        "#:a{:b 1 :a/b 2}",
        "#::{:a 1}",
        "#:a 1",
        "#:#{:a 1}",
        "#:1{a 1}",
    ] {
        assert!(read(&write(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn discards_stand_anywhere_between_entries() {
    let entry = "{:type :invoke, :process 0, :f :read}";
    let expected = ["0\t:invoke\t:read\tnil"];
    for text in [
        format!("#_ {{:type :bad}} {entry}"),
        format!("#_#_ {{:a 1}} {{:b 2}}\n{entry} #_ {{:c 3}}"),
        format!("[#_ nil {entry} #_ 5]"),
    ] {
        assert_reads(&text, &expected);
    }
    assert!(read(&format!("{entry} #_")).unwrap_err().contains("line 1"));
}

#[test]
fn a_byte_order_mark_costs_no_operation() {
    for text in [
        "{:type :ok, :process 0, :f :read, :value 1}",
        "0 :ok :read 1",
        r#"{"type":"ok","process":0,"f":"read","value":1}"#,
    ] {
        assert_reads(&format!("\u{feff}{text}"), &["0\t:ok\t:read\t1"]);
    }
}

#[test]
fn jepsens_log_is_read_behind_any_preamble() {
    let preamble = "2021-04-13 23:32:29,000{GMT}\tINFO\t[main] jepsen.core: Running test:\n".to_owned()
        + &" :key [0 1 2 3 4 5 6 7 8 9]\n".repeat(100_000);
    let log = format!(
        "{preamble}2021-04-13 23:32:29,761{{GMT}}\tINFO\t[jepsen worker 0] jepsen.util: 0\t:invoke\t:txn\t[[:r 1 nil]]\n"
    );
    assert_reads(&log, &["0\t:invoke\t:txn\t[[:r 1 nil]]"]);
    let terminal =
        "INFO [2021-04-13 23:32:29,761] jepsen worker 0 - jepsen.util 0\t:ok\t:txn\t[[:r 1 [2]]]\n";
    assert_reads(terminal, &["0\t:ok\t:txn\t[[:r 1 [2]]]"]);
    assert_eq!(
        read("INFO [x] nothing\n").unwrap_err(),
        "the log has 1 lines, and none is an operation; expected, for example, `0 :invoke :read nil` after the date"
    );
}

#[test]
fn a_damaged_line_of_a_log_is_told() {
    let text = "0 :invoke :write 1\n0x :ok :write 1\nWARN all is well\n0 :ok :write 1\n";
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    assert_eq!(reader.by_ref().map(Result::unwrap).count(), 2);
    assert_eq!(reader.notes().iter().map(|note| note.line).collect::<Vec<_>>(), [2]);

    let many = format!("0 :invoke :read nil\n{}", "? :ok :read\n".repeat(1000));
    let mut reader = Reader::new(many.as_bytes()).unwrap();
    assert_eq!(reader.by_ref().count(), 1);
    assert_eq!((reader.notes().len(), reader.note_count()), (100, 1000));
}

#[test]
fn what_comes_before_a_cut_is_read() {
    for (whole, cut) in [
        ("{:type :ok, :process 0, :f :read, :value 1}\n", "{:type :ok, :proc"),
        ("[{:type :ok, :process 0, :f :read, :value 1}\n", ""),
        ("{\"type\":\"ok\",\"process\":0,\"f\":\"read\",\"value\":1}\n", "{\"type\":\"o"),
        ("0 :ok :read 1\n", "0 :ok :read [1 "),
    ] {
        let text = format!("{whole}{cut}");
        let read: Vec<_> = Reader::new(text.as_bytes()).unwrap().collect();
        assert!(matches!(&read[..], [Ok(_), Err(error)] if error.is_cut_short()), "{text}: {read:?}");
    }
}

#[test]
fn elles_form_needs_no_function_and_its_completions_no_process() {
    assert_reads(
        "{:process 1 :type :invoke :value [[:r 1 nil]]} {:process 1 :type :ok :value [[:r 1 [2]]]}",
        &["1\t:invoke\t:txn\t[[:r 1 nil]]", "1\t:ok\t:txn\t[[:r 1 [2]]]"],
    );
    assert_reads(
        "[{:type :ok, :value [[:append :x 1]]} {:type :ok, :value [[:r :x [1]]]}]",
        &["2000000000\t:ok\t:txn\t[[:append :x 1]]", "2000000001\t:ok\t:txn\t[[:r :x [1]]]"],
    );
}

#[test]
fn a_repeated_key_or_a_number_without_a_double_is_refused_in_json() {
    let error = |text: &str| read(text).unwrap_err();
    assert_eq!(
        error("{\"type\":\"ok\",\"process\":0,\n\"f\":\"read\",\"value\":1,\"value\":2}"),
        "the history is not JSON: line 2, column 31: the key \"value\" stands twice in one object"
    );
    assert!(
        error(r#"{"type":"ok","process":0,"f":"read","value":1e400}"#)
            .contains("beyond the range of a double")
    );
}

#[test]
fn formats_that_are_not_read_are_named_with_what_to_do() {
    let error = |bytes: &[u8]| Reader::new(bytes).map(|_| ()).unwrap_err().to_string();
    for (bytes, expected) in [
        (&b"JEPSEN\0\0\0\x01"[..], "history.edn in the same directory"),
        (b"\xff\xfe{\0:\0", "iconv -f UTF-16 -t UTF-8"),
        (b"{\0:\0t\0", "iconv -f UTF-16 -t UTF-8"),
        (b"\xfd7zXZ\0", "unxz"),
        (b"{ \"resourceSpans\": []}", "formats::otlp"),
    ] {
        let error = error(bytes);
        assert!(error.contains(expected), "{error}");
    }
}

#[cfg(feature = "compressed")]
#[test]
fn compressed_files_are_read() {
    use std::io::Write;
    let text = "0 :invoke :read nil\n0 :ok :read 1\n".repeat(10_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for bytes in [&gzip, &zstd] {
        assert_eq!(Reader::new(&bytes[..]).unwrap().map(Result::unwrap).count(), 20_000);
        // So much of it may be missing that not even the beginning can be decompressed.
        assert!(
            Reader::new(&bytes[..bytes.len() / 2]).map_or(true, |cut| matches!(cut.last(), Some(Err(_))))
        );
    }
    // Two files after another are one.
    let two = [gzip.clone(), gzip].concat();
    assert_eq!(Reader::new(&two[..]).unwrap().count(), 40_000);
}

#[test]
fn a_file_is_read_in_whichever_format_it_is_and_named_if_it_is_wrong() {
    let directory = std::env::temp_dir().join(format!("glomers-check-formats-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("history.txt");
    std::fs::write(&path, "0 :invoke :read nil\n").unwrap();
    assert_eq!(glomers_check::History::read(&path).unwrap().operations().len(), 1);
    std::fs::write(&path, "once upon a time").unwrap();
    let error = glomers_check::History::read(&path).unwrap_err().to_string();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(error.contains("history.txt: the text resembles no history"), "{error}");
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
