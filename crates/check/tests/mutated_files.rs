//! Histories with random damage: whatever a file holds, readers come to an end and do not panic.
//!
//! `GLOMERS_CASES` says how many files there are, and `GLOMERS_FILES` may name a directory of further histories to damage.

use std::collections::BTreeMap;

use glomers_check::formats::{Reader, otlp};
use glomers_check::{
    Bank, Checker, Comments, Counter, LongFork, Mode, RunOptions, TotalQueue, UnorderedQueue, Value, edn,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A small history of every form that is read.
const SEEDS: &[&str] = &[
    "{:index 0, :time 5, :type :invoke, :process 0, :f :write, :value 1}\n#jepsen.history.Op{:index 1, :time 9, :type :ok, :process 0, :f :write, :value 1}\n",
    "[{:type :invoke :process :c1 :f :cas :value [1/3 -0x1fN]} #_ #_ 5 {:a 1} {:type :fail :process :c1 :f :cas :value #:a{:b 2.5M} :error #object[A 0x1 \"x\"]}]",
    "{:process 0, :type :ok, :value [[:append :x 1] [:r :y [1]]]}\n{:type :ok, :value [[:read :x] [:write :y 2]]}\n",
    "\u{feff}{\"type\":\"invoke\",\"process\":0,\"f\":\"read\",\"value\":null,\"time\":1.5}\n{\"type\":\"ok\",\"process\":0,\"f\":\"read\",\"value\":[118059162071741130342400,\"\\ud83d\\ude00\"]}\n",
    "INFO [2021-04-13 23:32:29,761] jepsen worker 0 - jepsen.util 0\t:invoke\t:txn\t[[:r 1 nil]]\nINFO x\n0\t:info\t:txn\t[[:r 1 nil]]\t[:timeout \"x\"]\n",
    "2021-04-13 23:32:29,761{GMT}\tINFO\t[main] jepsen.core: Command line:\nlein run test -w lin-kv --consistency-models \"a b\"\nRunning test:\n{:workload :lin-kv}\n0 :invoke :read nil\n",
    "w 1 7\nr 2 3\n-----\n=====\nr 1 7\n",
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"read\",\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":2,\"attributes\":[{\"key\":\"k\",\"value\":{\"arrayValue\":{\"values\":[{\"intValue\":\"5\"}]}}}],\"status\":{\"code\":2}}]}]}]}",
    "{:type :invoke :process 0 :f :add :value 2} {:type :ok :process 0 :f :add :value 2} {:type :invoke :process 1 :f :read} {:type :ok :process 1 :f :read :value 2}",
    "{:type :invoke :process 0 :f :enqueue :value 2} {:type :ok :process 0 :f :enqueue :value 2} {:type :invoke :process 1 :f :drain} {:type :ok :process 1 :f :drain :value [2 2]}",
    "{:type :invoke :process 0 :f :write :value [[:w 1 1]]} {:type :invoke :process 1 :f :read :value [[:r 1 nil] [:r 2 nil]]} {:type :ok :process 1 :f :read :value [[:r 1 1] [:r 2 nil]]}",
    "{:type :invoke :process 0 :f :read} {:type :ok :process 0 :f :read :value {0 50 1 50}} {:type :invoke :process 0 :f :read} {:type :ok :process 0 :f :read :value #{1 2}}",
];

/// What is put in at random: whatever means something to one of the readers.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\\",
    "#",
    "#_",
    "#{",
    "#:a{",
    ":",
    ";",
    ",",
    "\n",
    "\t",
    " ",
    "\0",
    "\u{feff}",
    "nil",
    ":ok",
    ":invoke",
    "1e400",
    "99999999999999999999999999999999999999999",
    "1/0",
    "0x",
    "36rz",
    "-",
    ".5M",
    "N",
    "##NaN",
    " - ",
    "'",
    "\u{1f600}",
];

fn mutated(rng: &mut ChaCha8Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut below = |limit: usize| (rng.next_u64() % limit.max(1) as u64) as usize;
    let mut bytes = seeds[below(seeds.len())].clone();
    for _ in 0..1 + below(6) {
        let (at, length) = (below(bytes.len() + 1), below(40));
        let end = (at + length).min(bytes.len());
        match below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                let to = below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            3 => {
                let copy = bytes[at..end].repeat(1 + below(200));
                bytes.splice(at..at, copy);
            }
            4 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            5 if at < bytes.len() => bytes[at] = below(256) as u8,
            6 => {
                let other = &seeds[below(seeds.len())];
                let from = below(other.len() + 1);
                let piece = other[from..(from + 60).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            _ => drop(bytes.splice(at..at, TOKENS[below(TOKENS.len())].bytes())),
        }
    }
    bytes
}

/// Reads the file as everything that it may be, and judges what was read. Returns the outcome in a word.
fn read(bytes: &[u8]) -> &'static str {
    let _ = otlp::read(bytes, &otlp::Mapping::default()).map_err(|error| error.to_string());
    let _ =
        RunOptions::from_log(bytes).expect("memory can be read").map(|options| options.consistency_models());
    if let Ok(text) = std::str::from_utf8(bytes) {
        for value in [Value::from_json(text).ok(), edn::read(text).ok()].into_iter().flatten() {
            assert_eq!(edn::read(&value.to_string()).as_ref(), Ok(&value), "{text:?}");
        }
    }
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return "refused at the beginning";
        }
    };
    let mut checkers: Vec<Box<dyn Checker>> = Vec::new();
    for mode in [Mode::Strict, Mode::Compat] {
        checkers.push(Box::new(Counter::new(mode)));
        checkers.push(Box::new(Bank::new(mode)));
        checkers.push(Box::new(LongFork::new(mode)));
        checkers.push(Box::new(Comments::new(mode)));
        checkers.push(Box::new(UnorderedQueue::new(mode)));
        checkers.push(Box::new(TotalQueue::new(mode)));
    }
    let mut outcome = "read";
    for entry in reader.by_ref() {
        match entry {
            Ok(operation) => checkers.iter_mut().for_each(|checker| checker.observe(&operation)),
            Err(error) if error.is_cut_short() => outcome = "cut short",
            Err(error) => {
                assert!(!error.to_string().is_empty());
                outcome = "refused later";
            }
        }
    }
    assert!(reader.notes().len() <= reader.note_count());
    for checker in checkers {
        let verdict = checker.finish();
        assert!(edn::read(&edn::pretty(&verdict.results)).is_ok(), "{}", verdict.results);
    }
    outcome
}

#[test]
fn no_damage_makes_a_reader_panic() {
    let cases: u64 =
        std::env::var("GLOMERS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3_000);
    let mut seeds: Vec<Vec<u8>> = SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    if let Ok(directory) = std::env::var("GLOMERS_FILES") {
        let entries = std::fs::read_dir(directory).expect("GLOMERS_FILES names a directory");
        let mut paths: Vec<_> =
            entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
        paths.sort();
        seeds.extend(paths.iter().map(|path| std::fs::read(path).expect("a file")));
    }
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for case in 0..cases {
        let bytes = mutated(&mut ChaCha8Rng::seed_from_u64(case), &seeds);
        let outcome = std::panic::catch_unwind(|| read(&bytes));
        let outcome =
            outcome.unwrap_or_else(|_| panic!("case {case}: {:?}", String::from_utf8_lossy(&bytes)));
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("{cases} files from {} seeds: {outcomes:?}", seeds.len());
    assert!(outcomes.len() == 4, "damage of every degree: {outcomes:?}");
}
