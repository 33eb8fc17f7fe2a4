//! Journals that are whole, cut short, and damaged.

use glomers_node::Time;

use super::frame::FrameHeader;
use super::{Entry, Journal, JournalReadError, JournalReader, JournalWriter, Record, WireEntry};
use crate::ids::HostRole;

/// Writes so many messages between two hosts, and returns the journal.
fn write(journal: Journal, message_count: u64) -> Option<Vec<u8>> {
    let mut writer = JournalWriter::new(journal);
    for (number, id) in ["n0", "n1"].into_iter().enumerate() {
        let host = writer.host_name(number as u32, id);
        writer.append(Time::ZERO, WireEntry::HostAdded { host, role: HostRole::Node });
    }
    for message in 0..message_count {
        let now = Time::from_ns(1000 * message);
        let (src, dest) = (writer.host_name(0, "n0"), writer.host_name(1, "n1"));
        writer.append(now, WireEntry::Sent { message, src, dest, body: r#"{"type":"echo","echo":"☂"}"# });
        let (src, dest) = (writer.host_name(1, "n1"), writer.foreign_name("nobody"));
        writer.append(now, WireEntry::Sent { message, src, dest, body: "{}" });
        writer.append(now, WireEntry::UserRecord(&message.to_le_bytes()));
    }
    writer.finish().expect("the journal can be written")
}

fn read(bytes: &[u8]) -> (Vec<Record>, Option<JournalReadError>) {
    let mut records = Vec::new();
    for record in JournalReader::new(bytes) {
        match record {
            Ok(record) => records.push(record),
            Err(error) => return (records, Some(error)),
        }
    }
    (records, None)
}

#[test]
fn what_is_written_is_read_back_over_many_frames() {
    let bytes = write(Journal::in_memory(), 20_000).expect("it is in memory");
    let (records, error) = read(&bytes);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(records.len(), 2 + 3 * 20_000);
    let last = &records[records.len() - 3..];
    let body = r#"{"type":"echo","echo":"☂"}"#;
    let (src, dest) = ("n0".into(), "n1".into());
    assert_eq!(
        last[0].entry,
        Entry::Sent { message: 19_999, src, claimed_src: None, dest, body: body.into() }
    );
    assert_eq!((last[2].sequence, last[2].time), (60_001, Time::from_ns(19_999_000)));
    let Entry::Sent { dest, .. } = &last[1].entry else { panic!("{:?} is not a message", last[1]) };
    assert_eq!(*dest, "nobody");
}

#[test]
fn a_file_holds_the_same_records_as_memory_and_is_smaller_where_it_is_packed() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("journal");
    write(Journal::to_file(&path).expect("the file can be made"), 20_000);
    let memory = write(Journal::in_memory(), 20_000).expect("it is in memory");
    let file = std::fs::read(&path).expect("the file can be read");
    assert_eq!(read(&file).0, read(&memory).0);
    assert_eq!(file.len() < memory.len() / 2, cfg!(feature = "zstd"), "{} bytes", file.len());
}

#[test]
fn a_journal_cut_anywhere_still_opens() {
    let bytes = write(Journal::in_memory(), 6_000).expect("it is in memory");
    let whole = read(&bytes).0;
    for cut in (0..bytes.len()).step_by(bytes.len() / 20).chain([1, 47, 48, bytes.len() - 1]) {
        let (records, error) = read(&bytes[..cut]);
        assert_eq!(records, whole[..records.len()]);
        match error {
            None => assert_eq!(cut, 0),
            Some(JournalReadError::Truncated { records: count, .. }) => {
                assert_eq!(count, records.len() as u64);
            }
            Some(other) => panic!("cut at {cut}: {other}"),
        }
    }
}

#[test]
fn damage_is_found_and_never_read() {
    let bytes = write(Journal::in_memory(), 10).expect("it is in memory");
    let whole = read(&bytes).0;
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x40;
        let (records, error) = read(&damaged);
        assert!(error.is_some(), "a changed byte at {place} was not noticed");
        assert_eq!(records, whole[..records.len()]);
    }
}

#[test]
fn another_file_is_no_journal() {
    let text = "{\"this\":\"is\",\"some\":\"other\",\"file\":\"of JSON\"}".repeat(4);
    let error = read(text.as_bytes()).1.expect("it is not a journal");
    assert!(error.to_string().contains("no frame begins here"), "{error}");
}

#[test]
fn a_full_disk_is_an_error_once_and_recording_goes_on() {
    let Ok(journal) = Journal::to_file(std::path::Path::new("/dev/full")) else {
        println!("skipped: this system has no /dev/full");
        return;
    };
    let mut writer = JournalWriter::new(journal);
    let body = "x".repeat(1 << 20);
    let mut errors = 0;
    // The recorder notices in its own time; its channel is bounded, so it must before a hundred frames.
    for message in 0..100 {
        writer.append(Time::ZERO, WireEntry::UserRecord(body.as_bytes()));
        writer.append(Time::ZERO, WireEntry::Delivered { message });
        errors += usize::from(writer.check().is_err());
    }
    assert_eq!(errors, 1);
    assert_eq!(writer.record_count(), 200);
    assert!(writer.finish().is_ok(), "what was said once is not said again");
}

/// One frame with one user record, as the first version of the format packs it.
#[test]
fn a_packed_journal_is_read_or_refused_with_the_reason() {
    let payload = [0_u8, 12, 5, b'h', b'e', b'l', b'l', b'o'];
    // A zstd frame with one raw block: magic, descriptor of a single segment, its size, the block's header, the block.
    let mut stored =
        vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, payload.len() as u8, (payload.len() << 3 | 1) as u8, 0, 0];
    stored.extend_from_slice(&payload);
    let header = FrameHeader {
        is_packed: true,
        first_sequence: 0,
        first_time: Time::ZERO,
        record_count: 1,
        unpacked_bytes: payload.len() as u32,
        stored_bytes: stored.len() as u32,
    };
    let journal = [&header.encode(&stored)[..], &stored].concat();
    let (records, error) = read(&journal);
    if cfg!(feature = "zstd") {
        assert_eq!(records[0].entry, Entry::UserRecord(b"hello".to_vec()));
        assert!(error.is_none());
    } else {
        assert_eq!(records, []);
        let text = error.expect("it cannot be unpacked").to_string();
        assert!(text.contains("feature `zstd`"), "{text}");
    }
}
