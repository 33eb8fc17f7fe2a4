use super::*;

fn both() -> (Storage, Storage, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    (Storage::in_memory(), Storage::in_directory(directory.path().join("deep/data")), directory)
}

fn text(storage: &Storage, name: &str) -> Option<String> {
    let bytes = storage.read(name).expect("it can be read");
    bytes.map(|bytes| String::from_utf8(bytes).expect("the test writes text"))
}

#[test]
fn memory_and_directory_do_the_same() {
    let (memory, files, _directory) = both();
    for storage in [&memory, &files] {
        assert_eq!(text(storage, "log"), None);
        storage.sync().expect("there is nothing to sync");
        storage.append("log", b"one ").expect("it can be written");
        storage.append("log", b"two ").expect("it can be written");
        storage.replace("term", b"1").expect("it can be written");
        storage.replace("log", b"new ").expect("it can be written");
        storage.append("log", b"three").expect("it can be written");
        assert_eq!(text(storage, "log").as_deref(), Some("new three"));
        storage.sync().expect("it can be synced");
        storage.replace("term", b"2").expect("it can be written");
        assert_eq!(text(storage, "term").as_deref(), Some("2"));
        assert_eq!(text(&storage.clone(), "log").as_deref(), Some("new three"));
    }
}

#[test]
fn files_of_a_directory_outlive_the_value() {
    let (_, files, directory) = both();
    files.append("log", b"kept").expect("it can be written");
    drop(files);
    let again = Storage::in_directory(directory.path().join("deep/data"));
    again.append("log", b" on").expect("it can be written");
    assert_eq!(text(&again, "log").as_deref(), Some("kept on"));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (memory, files, _directory) = both();
    for storage in [&memory, &files] {
        for name in ["", ".", "..", ".hidden", "a/b", "a b", "ä", "a\0b"] {
            let error = storage.append(name, b"x").expect_err(name);
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
            assert!(storage.read(name).is_err() && storage.replace(name, b"x").is_err(), "{name:?}");
        }
    }
}

#[test]
fn an_error_names_the_file_and_what_the_system_says() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    std::fs::write(directory.path().join("file"), "").expect("writable");
    let storage = Storage::in_directory(directory.path().join("file/data"));
    let error = storage.append("log", b"x").expect_err("a file is no directory").to_string();
    assert!(error.starts_with("storage: can't append to \"log\": "), "{error}");
}

/// A storage with "one" synced and "two", "three" and a new file not.
fn half_synced() -> Storage {
    let storage = Storage::in_memory();
    storage.append("log", b"one ").expect("it can be written");
    storage.replace("term", b"1").expect("it can be written");
    storage.sync().expect("it can be synced");
    storage.append("log", b"two ").expect("it can be written");
    storage.append("log", b"three ").expect("it can be written");
    storage.replace("term", b"2").expect("it can be written");
    storage.append("vote", b"n1").expect("it can be written");
    storage
}

#[test]
fn a_crash_takes_what_its_kind_says() {
    let mut random = Random::derive(1, "crash");
    let after = |loss, random: &mut Random| {
        let storage = half_synced();
        storage.crash(loss, random);
        (text(&storage, "log"), text(&storage, "term"), text(&storage, "vote"))
    };
    let of = |log: &str, term: &str, vote: Option<&str>| {
        (Some(log.to_owned()), Some(term.to_owned()), vote.map(str::to_owned))
    };
    assert_eq!(after(CrashLoss::Nothing, &mut random), of("one two three ", "2", Some("n1")));
    assert_eq!(after(CrashLoss::Unsynced, &mut random), of("one ", "1", None));
    assert_eq!(after(CrashLoss::Everything, &mut random), (None, None, None));
}

#[test]
fn a_torn_write_leaves_a_prefix_of_each_file_and_every_prefix_can_be_left() {
    let mut random = Random::derive(2, "crash");
    let mut logs = std::collections::BTreeSet::new();
    let mut terms = std::collections::BTreeSet::new();
    for _ in 0..2_000 {
        let storage = half_synced();
        storage.crash(CrashLoss::Torn, &mut random);
        let log = text(&storage, "log").expect("a part of it was synced");
        assert!("one two three ".starts_with(&log) && log.starts_with("one "), "{log:?}");
        logs.insert(log);
        terms.insert(text(&storage, "term").expect("it was synced"));
        // What is left is durable.
        let before = text(&storage, "log");
        storage.crash(CrashLoss::Unsynced, &mut random);
        assert_eq!(text(&storage, "log"), before);
    }
    assert_eq!(logs.len(), "two three ".len() + 1);
    assert_eq!(terms.into_iter().collect::<Vec<_>>(), ["1", "2"]);
}
