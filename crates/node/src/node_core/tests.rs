use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::testing::Harness;
use crate::{
    CoreOptions, Failure, Input, Node, NodeCore, NodeId, Outputs, Random, RawBody, Router, RpcError, Time,
    messages,
};

#[derive(Serialize, Deserialize)]
struct Note {
    text: String,
    pause_ms: u64,
}
#[derive(Serialize, Deserialize)]
struct NoteOk;
#[derive(Serialize, Deserialize)]
struct Fail {
    how: String,
}
#[derive(Serialize, Deserialize)]
struct Who;
#[derive(Serialize, Deserialize)]
struct WhoOk {
    src: NodeId,
}
#[derive(Serialize, Deserialize)]
struct Gossip {
    text: String,
}
/// Breaks the rule that no payload uses a reserved key.
#[derive(Serialize, Deserialize)]
struct Faulty {
    msg_id: u64,
}
#[derive(Serialize, Deserialize)]
struct AskFaulty;
messages! {
    "note" Note => "note_ok" NoteOk;
    "fail" Fail => NoteOk;
    "who" Who => "who_ok" WhoOk;
    "gossip" Gossip;
    "faulty" AskFaulty => "faulty_ok" Faulty;
}

struct Server {
    node: Node,
    notes: Rc<RefCell<Vec<String>>>,
}

impl Server {
    async fn note(&self, request: Note) -> Result<NoteOk, RpcError> {
        self.notes.borrow_mut().push(format!("{} begins", request.text));
        if request.pause_ms > 0 {
            self.node.sleep(Duration::from_millis(request.pause_ms)).await;
        }
        self.notes.borrow_mut().push(format!("{} ends", request.text));
        Ok(NoteOk)
    }

    async fn fail(&self, request: Fail) -> Result<NoteOk, Failure> {
        match request.how.as_str() {
            "rpc" => Err(RpcError::new(crate::ErrorCode::TXN_CONFLICT, "lost the race"))?,
            "io" => Err(std::io::Error::other("disk full"))?,
            "late" => {
                self.node.sleep(Duration::from_millis(1)).await;
                panic!("late {}", "panic")
            }
            _ => panic!("early panic"),
        }
        Ok(NoteOk)
    }

    async fn who(&self, src: NodeId, _request: Who) -> Result<WhoOk, RpcError> {
        Ok(WhoOk { src })
    }

    async fn gossip(&self, src: NodeId, notice: Gossip) {
        self.notes.borrow_mut().push(format!("{src}: {}", notice.text));
    }

    async fn faulty(&self, _request: AskFaulty) -> Result<Faulty, RpcError> {
        Ok(Faulty { msg_id: 1 })
    }

    async fn pass_on(&self, _src: NodeId, body: RawBody) -> Result<RawBody, RpcError> {
        self.node.rpc_raw("n2", body).await
    }
}

type Notes = Rc<RefCell<Vec<String>>>;

fn server() -> (Harness, Notes) {
    let notes = Notes::default();
    let shared = Rc::clone(&notes);
    let harness = Harness::new("n1", &["n1", "n2"], move |node| {
        Router::new(Server { node, notes: shared })
            .on(Server::note)
            .on(Server::fail)
            .on_from(Server::who)
            .on_notice(Server::gossip)
            .on(Server::faulty)
            .on_raw("txn", Server::pass_on)
    });
    (harness, notes)
}

/// The bodies that the node sends when it gets this one from `c1`.
fn send(harness: &mut Harness, body: &str) -> Vec<String> {
    bodies(&harness.send_line(&format!(r#"{{"src":"c1","dest":"n1","body":{body}}}"#)))
}

fn bodies(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .map(|line| line.split_once(r#""body":"#).unwrap().1.strip_suffix('}').unwrap().to_owned())
        .collect()
}

#[track_caller]
fn check(body: &str, expected: &[&str]) {
    let (mut harness, _) = server();
    assert_eq!(send(&mut harness, body), expected);
}

#[test]
fn a_type_that_no_handler_takes_is_not_supported() {
    check(
        r#"{"type":"fly","msg_id":1}"#,
        &[
            r#"{"type":"error","in_reply_to":1,"code":10,"text":"n1 does not know `fly`; it knows init, fail, faulty, gossip, note, txn, who"}"#,
        ],
    );
}

#[test]
fn a_body_that_does_not_fit_is_malformed() {
    check(
        r#"{"type":"note","msg_id":1,"text":5}"#,
        &[
            r#"{"type":"error","in_reply_to":1,"code":12,"text":"malformed `note`: invalid type: integer `5`, expected a string at line 1 column 34"}"#,
        ],
    );
    check(
        r#"{"msg_id":1}"#,
        &[
            r#"{"type":"error","in_reply_to":1,"code":12,"text":"`type` is missing: every body names its type as a string"}"#,
        ],
    );
}

#[test]
fn failures_are_answered_with_their_code_or_with_thirteen() {
    check(
        r#"{"type":"fail","msg_id":1,"how":"rpc"}"#,
        &[r#"{"type":"error","in_reply_to":1,"code":30,"text":"lost the race"}"#],
    );
    check(
        r#"{"type":"fail","msg_id":1,"how":"io"}"#,
        &[r#"{"type":"error","in_reply_to":1,"code":13,"text":"disk full"}"#],
    );
    check(
        r#"{"type":"fail","msg_id":1,"how":"panic"}"#,
        &[r#"{"type":"error","in_reply_to":1,"code":13,"text":"the handler panicked: early panic"}"#],
    );
    check(
        r#"{"type":"faulty","msg_id":1}"#,
        &[
            r#"{"type":"error","in_reply_to":1,"code":13,"text":"the handler panicked: the payload of `faulty_ok` has the key `msg_id`, which the protocol reserves: rename it"}"#,
        ],
    );
}

#[test]
fn a_panic_after_an_await_ends_only_its_own_handler() {
    let (mut harness, _) = server();
    assert!(send(&mut harness, r#"{"type":"fail","msg_id":1,"how":"late"}"#).is_empty());
    let lines = harness.advance(Duration::from_millis(1));
    assert_eq!(
        bodies(&lines),
        [r#"{"type":"error","in_reply_to":1,"code":13,"text":"the handler panicked: late panic"}"#]
    );
    assert!(harness.core().is_idle());
    assert_eq!(harness.ask(&Who).unwrap().src, "c0");
}

#[test]
fn init_is_answered_once() {
    let (mut harness, _) = server();
    let replies = send(&mut harness, r#"{"type":"init","msg_id":5,"node_id":"n7","node_ids":["n7"]}"#);
    assert_eq!(
        replies,
        [
            r#"{"type":"error","in_reply_to":5,"code":22,"text":"n1 has had its init message already: init is sent once"}"#
        ]
    );
    assert_eq!(harness.core().id().unwrap(), &"n1");
}

#[test]
fn what_comes_before_init_is_handled_after_it_in_order() {
    let notes = Notes::default();
    let shared = Rc::clone(&notes);
    let mut harness = Harness::before_init("n1", move |node| {
        let (sleeper, constructed) = (node.clone(), Rc::clone(&shared));
        node.spawn(async move {
            constructed.borrow_mut().push("spawned".to_owned());
            sleeper.sleep(Duration::from_millis(1)).await;
        });
        Router::new(Server { node, notes: shared }).on_from(Server::who).on_notice(Server::gossip)
    });
    assert!(send(&mut harness, r#"{"type":"gossip","text":"first"}"#).is_empty());
    assert!(send(&mut harness, r#"{"type":"who","msg_id":1}"#).is_empty());
    assert!(send(&mut harness, r#"{"type":"gossip","text":"second"}"#).is_empty());
    assert!(send(&mut harness, r#"{"type":"fly","msg_id":2}"#).is_empty());
    let replies = send(&mut harness, r#"{"type":"init","msg_id":3,"node_id":"n1","node_ids":["n1","n2"]}"#);
    assert_eq!(
        replies[..2],
        [r#"{"type":"init_ok","in_reply_to":3}"#, r#"{"type":"who_ok","in_reply_to":1,"src":"c1"}"#]
    );
    assert!(replies[2].starts_with(r#"{"type":"error","in_reply_to":2,"code":10,"#), "{replies:?}");
    assert_eq!(*notes.borrow(), ["spawned", "c1: first", "c1: second"]);
}

#[test]
fn what_is_held_before_init_has_a_bound() {
    let mut harness = Harness::before_init("n1", |_node| Router::new(()));
    let half =
        format!(r#"{{"type":"who","msg_id":1,"padding":"{}"}}"#, "x".repeat(super::MAX_HELD_BYTES / 2 - 100));
    assert!(send(&mut harness, &half).is_empty() && send(&mut harness, &half).is_empty());
    let replies = send(&mut harness, &half);
    assert!(replies[0].starts_with(r#"{"type":"error","in_reply_to":1,"code":11,"#), "{replies:?}");
}

#[test]
fn a_faulty_init_changes_nothing() {
    let mut harness = Harness::before_init("n1", |_node| Router::new(()));
    let replies = send(&mut harness, r#"{"type":"init","msg_id":2,"node_id":"n1"}"#);
    assert!(
        replies[0].contains(r#""code":12,"text":"malformed `init`: missing field `node_ids`"#),
        "{replies:?}"
    );
    let replies =
        send(&mut harness, r#"{"type":"init","msg_id":3,"node_id":"n1","node_ids":["n1"],"more":1}"#);
    assert_eq!(replies, [r#"{"type":"init_ok","in_reply_to":3}"#]);
}

#[test]
fn every_request_is_answered_under_the_id_that_it_came_with() {
    for id in ["-7", "123456789012345678901234567890", "\"a-1\""] {
        check(
            &format!(r#"{{"type":"who","msg_id":{id}}}"#),
            &[&format!(r#"{{"type":"who_ok","in_reply_to":{id},"src":"c1"}}"#)],
        );
        check(
            &format!(r#"{{"type":"fail","msg_id":{id},"how":"panic"}}"#),
            &[&format!(
                r#"{{"type":"error","in_reply_to":{id},"code":13,"text":"the handler panicked: early panic"}}"#
            )],
        );
        let mut harness = Harness::before_init("n1", |_node| Router::new(()));
        let init = format!(r#"{{"type":"init","msg_id":{id},"node_id":"n1","node_ids":["n1"]}}"#);
        assert_eq!(send(&mut harness, &init), [format!(r#"{{"type":"init_ok","in_reply_to":{id}}}"#)]);
    }
    check(
        r#"{"type":"who","msg_id":1.5}"#,
        &[
            r#"{"type":"error","in_reply_to":1.5,"code":12,"text":"expected `msg_id` to be an integer or a string, found a fraction"}"#,
        ],
    );
}

#[test]
fn a_reply_to_an_id_that_no_request_had_is_counted() {
    let (mut harness, _) = server();
    send(&mut harness, r#"{"type":"txn","msg_id":4}"#);
    for in_reply_to in ["\"1\"", "-1", "99", "18446744073709551617"] {
        send(&mut harness, &format!(r#"{{"type":"txn_ok","in_reply_to":{in_reply_to}}}"#));
    }
    assert_eq!(harness.core().node().unclaimed_replies(), 4);
    let sent = send(&mut harness, r#"{"type":"txn_ok","in_reply_to":1}"#);
    assert_eq!(sent, [r#"{"type":"txn_ok","in_reply_to":4}"#]);
}

#[test]
fn a_busy_loop_is_ended_and_explained() {
    let mut harness = Harness::new("n1", &["n1"], |_node| {
        Router::new(()).on(async |(): &(), _request: Who| -> Result<WhoOk, RpcError> {
            loop {
                crate::alarm::yield_now().await;
            }
        })
    });
    let replies = send(&mut harness, r#"{"type":"who","msg_id":1}"#);
    assert!(
        replies[0].contains(r#""code":13,"text":"the handler panicked: a task went on 100000 times"#),
        "{replies:?}"
    );
    assert!(harness.core().is_idle());
}

/// Sends a value from another thread, as the runtimes do whose futures do not work inside a node.
#[test]
fn a_wake_up_from_another_thread_is_refused_and_explained() {
    let (sender, receiver) = futures::channel::oneshot::channel::<NodeId>();
    let receiver = RefCell::new(Some(receiver));
    let mut harness = Harness::new("n1", &["n1"], |_node| {
        Router::new(receiver).on(async |receiver: &RefCell<Option<_>>, _request: Who| {
            let receiver: futures::channel::oneshot::Receiver<NodeId> = receiver.take().expect("asked once");
            let src = receiver.await.expect("the thread sends");
            Ok::<_, RpcError>(WhoOk { src })
        })
    });
    assert!(send(&mut harness, r#"{"type":"who","msg_id":1}"#).is_empty());
    let panic = std::thread::spawn(move || sender.send("c1".into())).join().expect_err("the thread panics");
    let text = crate::executor::panic_text(panic.as_ref());
    assert!(text.contains("woken from another thread") && text.contains("await only node.rpc"), "{text}");
    let replies = bodies(&harness.advance(Duration::ZERO));
    assert!(
        replies[0]
            .contains(r#""code":13,"text":"the handler panicked: a task was woken from another thread"#)
    );
}

#[test]
fn a_constructor_that_panics_is_told_to_everybody_who_asks() {
    fn start(_node: Node) -> Router<()> {
        panic!("no disk")
    }
    let mut harness = Harness::before_init("n1", start);
    let expected = |in_reply_to: u64| {
        format!(
            r#"{{"type":"error","in_reply_to":{in_reply_to},"code":13,"text":"the node could not start: no disk"}}"#
        )
    };
    let init = r#"{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}"#;
    assert_eq!(send(&mut harness, init), [expected(1)]);
    assert_eq!(send(&mut harness, r#"{"type":"who","msg_id":2}"#), [expected(2)]);
}

#[test]
fn handlers_start_in_order_and_interleave_only_where_they_await() {
    let (mut harness, notes) = server();
    send(&mut harness, r#"{"type":"note","text":"a","pause_ms":10}"#);
    send(&mut harness, r#"{"type":"note","text":"b","pause_ms":0}"#);
    send(&mut harness, r#"{"type":"note","text":"c","pause_ms":5}"#);
    send(&mut harness, r#"{"type":"note","text":"d","pause_ms":10}"#);
    assert!(!harness.core().is_answered());
    harness.advance(Duration::from_millis(10));
    let expected = ["a begins", "b begins", "b ends", "c begins", "d begins", "c ends", "a ends", "d ends"];
    assert_eq!(*notes.borrow(), expected);
    assert!(harness.core().is_idle() && harness.core().deadline().is_none());
}

#[test]
fn a_notice_is_handled_and_not_answered() {
    let (mut harness, notes) = server();
    assert!(send(&mut harness, r#"{"type":"gossip","msg_id":1,"text":"hi"}"#).is_empty());
    assert_eq!(*notes.borrow(), ["c1: hi"]);
}

#[test]
fn a_raw_body_passes_through_whole() {
    let (mut harness, _) = server();
    let sent = send(&mut harness, r#"{"x":1.50,"type":"txn","msg_id":4,"y":99999999999999999999}"#);
    assert_eq!(sent, [r#"{"x":1.50,"type":"txn","msg_id":1,"y":99999999999999999999}"#]);
    let sent = send(&mut harness, r#"{"in_reply_to":1,"z":-0.0,"type":"txn_ok","msg_id":77}"#);
    assert_eq!(sent, [r#"{"z":-0.0,"type":"txn_ok","in_reply_to":4}"#]);
}

#[test]
fn otherwise_takes_what_no_handler_takes() {
    async fn mirror(_server: &(), _src: NodeId, body: RawBody) -> Result<RawBody, RpcError> {
        Ok(body)
    }
    let mut harness = Harness::new("n1", &["n1"], |_node| Router::new(()).otherwise(mirror));
    let sent = send(&mut harness, r#"{"type":"any","msg_id":4,"x":[1, 2]}"#);
    assert_eq!(sent, [r#"{"type":"any","in_reply_to":4,"x":[1, 2]}"#]);
}

#[test]
fn the_random_numbers_of_two_nodes_differ_and_those_of_one_do_not() {
    let draw = |id: &str| {
        let mut harness = Harness::new(id, &["n1", "n2"], |_node| Router::new(()));
        let node = harness.core().node().clone();
        node.rng().next_u64()
    };
    assert_eq!(draw("n1"), draw("n1"));
    assert_ne!(draw("n1"), draw("n2"));
}

#[test]
fn a_deep_body_is_answered_and_not_fatal() {
    let (mut harness, _) = server();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let replies = send(&mut harness, &format!(r#"{{"type":"note","msg_id":1,"text":{deep}}}"#));
    assert!(replies[0].contains(r#""code":12"#));
    let sent = send(&mut harness, &format!(r#"{{"type":"txn","msg_id":2,"v":{deep}}}"#));
    assert!(sent[0].ends_with(&format!(r#""v":{deep}}}"#)));
}

#[test]
fn tasks_spawned_from_outside_run_at_the_next_step() {
    let (mut harness, _) = server();
    let node = harness.core().node().clone();
    let sender = node.clone();
    node.spawn(async move { sender.send("n2", &Gossip { text: "spawned".to_owned() }) });
    node.send("n2", &Gossip { text: "direct".to_owned() });
    let sent = bodies(&harness.advance(Duration::ZERO));
    assert_eq!(sent, [r#"{"type":"gossip","text":"direct"}"#, r#"{"type":"gossip","text":"spawned"}"#]);
}

#[test]
fn dropping_the_core_drops_the_server_and_every_task() {
    struct Witness(Rc<Cell<u32>>);
    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let (in_server, in_task) = (Witness(Rc::clone(&dropped)), Witness(Rc::clone(&dropped)));
    let harness = Harness::new("n1", &["n1"], move |node| {
        let sleeper = node.clone();
        node.spawn(async move {
            let _held = in_task;
            sleeper.rpc("n1", Who).timeout(Duration::MAX).await.ok();
        });
        Router::new((node, in_server))
    });
    drop(harness);
    assert_eq!(dropped.get(), 2);
}

#[test]
#[should_panic(expected = "`who` has two handlers")]
fn a_type_has_one_handler() {
    let node = server().0.core().node().clone();
    let _ = Router::new(Server { node, notes: Notes::default() }).on_from(Server::who).on_from(Server::who);
}

#[test]
fn time_does_not_run_backwards() {
    let (mut harness, _) = server();
    harness.advance(Duration::from_secs(1));
    let node = harness.core().node().clone();
    let mut outputs = Outputs::new();
    harness.core().step(Time::ZERO, Input::Tick, &mut outputs);
    assert_eq!(node.now(), Time::from_ns(1_000_000_000));
}

#[test]
fn a_client_shows_what_answers_none_of_its_requests_and_answers_nothing_itself() {
    let shown = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&shown);
    let options = CoreOptions::new(Random::derive(1, "c0"));
    let mut core = NodeCore::client(options, "c0".into(), move |src, body| {
        log.borrow_mut().push(format!("{src} {}", body.get()));
    });
    let mut outputs = Outputs::new();
    let strays = [
        r#"{"type":"echo_ok","in_reply_to":7}"#,
        r#"{"type":"echo_ok","in_reply_to":"1"}"#,
        r#"{"type":"echo","msg_id":1}"#,
        r#"{"type":"init","msg_id":1,"node_id":"c0","node_ids":["c0"]}"#,
        r#"{"in_reply_to":1}"#,
    ];
    for text in strays {
        let body = serde_json::from_str(text).expect("valid JSON");
        core.step(Time::ZERO, Input::Message { src: "n1", dest: "c0", body }, &mut outputs);
    }
    assert_eq!(*shown.borrow(), strays.map(|text| format!("n1 {text}")));
    assert!(outputs.is_empty());
}
