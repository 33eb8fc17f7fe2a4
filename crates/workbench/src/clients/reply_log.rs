//! The outcomes of the clients' requests: errors, time-outs, and replies that answered none of them.
//!
//! A history shows how an operation ended, but not why a node's reply could not be used. The reasons are counted here, with the first
//! example of each kind.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    rc::Rc,
    time::Duration,
};

use glomers_protocol::{ErrorCode, NodeId, RawValue, RpcError};
use serde::Deserialize;

use crate::text::{QUOTE_CHARS, excerpt, grouped};

/// How many error codes are counted separately for one kind of request; the others are counted together.
const MAX_CODES: usize = 16;
/// How many time-outs a client remembers, to tell late replies from second ones.
const MAX_TIMED_OUT: usize = 1024;

/// The outcomes of the requests of all clients of a run.
#[derive(Debug, Clone, Default)]
pub struct ReplyLog {
    requests: Vec<RequestTally>,
    unusable: BTreeMap<ReplyFault, UnusableReplies>,
    second_init_replies: BTreeMap<NodeId, u64>,
}

/// The requests of one type.
#[derive(Debug, Clone)]
pub struct RequestTally {
    /// The `type`.
    pub kind: &'static str,
    /// How many were sent.
    pub sent: u64,
    /// How many got no usable reply in time.
    pub timed_out: u64,
    /// The longest that a client waited for one of these.
    pub timeout: Duration,
    /// How many of them timed out at each node.
    pub timed_out_by_node: BTreeMap<NodeId, u64>,
    /// How many were answered with an error, by its code.
    pub errors: BTreeMap<ErrorCode, ErrorTally>,
}

/// The error replies with one code to requests of one type.
#[derive(Debug, Clone)]
pub struct ErrorTally {
    /// How many there were.
    pub count: u64,
    /// The node that sent the first.
    pub node: NodeId,
    /// The text of the first, escaped and shortened.
    pub text: String,
}

/// Messages to clients that could not be used as replies, all for the same reason.
#[derive(Debug, Clone)]
pub struct UnusableReplies {
    /// The reason.
    pub fault: ReplyFault,
    /// How many there were.
    pub count: u64,
    /// The nodes that sent them.
    pub nodes: BTreeSet<NodeId>,
    /// The node that sent the first.
    pub node: NodeId,
    /// The first one's body, escaped and shortened.
    pub body: String,
    /// What exactly was wrong with the first, such as the value that should have been another.
    pub detail: String,
}

/// Why a message to a client can't be used as a reply. The first of these most often explain a failed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplyFault {
    /// It has no `in_reply_to`.
    NoInReplyTo,
    /// Its `in_reply_to` is not an integer.
    InReplyToNotAnInteger,
    /// Its `in_reply_to` does not name a request of that client.
    UnknownRequest,
    /// It has no `type`, or one that is not a string.
    NoType,
    /// It names a reserved key twice.
    RepeatedKey,
    /// The request was answered before.
    SecondReply,
    /// The client had given the request up.
    Late,
}

impl ReplyFault {
    /// What is wrong, with what was expected, as the end of a sentence about several replies.
    pub fn description(self) -> &'static str {
        match self {
            Self::NoInReplyTo => "had no `in_reply_to`; it must be the `msg_id` of the request",
            Self::InReplyToNotAnInteger => {
                "had an `in_reply_to` that is not an integer; it must be the `msg_id` of the request, unchanged"
            }
            Self::UnknownRequest => {
                "had an `in_reply_to` of no request that the client had sent; it must be the `msg_id` of the request"
            }
            Self::NoType => "had no `type`, or one that is not a string; every body names its type",
            Self::RepeatedKey => {
                "had `type`, `msg_id` or `in_reply_to` twice or malformed; each may occur once"
            }
            Self::SecondReply => "came after the request had been answered; the client took the first reply",
            Self::Late => "came after the client had given up; the operation had timed out by then",
        }
    }

    /// The most frequent cause.
    pub fn usual_cause(self) -> &'static str {
        match self {
            Self::NoInReplyTo => {
                "the reply is sent like any other message, without the request's `msg_id`, or under another key"
            }
            Self::InReplyToNotAnInteger => {
                "the id was turned into a string or a floating-point number on its way through the node"
            }
            Self::UnknownRequest => {
                "the node puts its own `msg_id` there, or that of another client's request (a variable shared by several handlers?)"
            }
            Self::NoType => "the key has another name, or the reply's type was never filled in",
            Self::RepeatedKey => "a body that is put together as text, or merged from two objects",
            Self::SecondReply => {
                "a handler that goes on after it has replied (a missing `return`?), or a reply by the handler and another by the library"
            }
            Self::Late => {
                "a handler that sleeps or waits for a node that cannot answer, or one that keeps all other messages waiting meanwhile"
            }
        }
    }

    /// The kebab-case name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoInReplyTo => "no-in-reply-to",
            Self::InReplyToNotAnInteger => "in-reply-to-not-an-integer",
            Self::UnknownRequest => "unknown-request",
            Self::NoType => "no-type",
            Self::RepeatedKey => "repeated-key",
            Self::SecondReply => "second-reply",
            Self::Late => "late-reply",
        }
    }
}

/// What is wrong, with the first example and the usual cause.
impl fmt::Display for UnusableReplies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, count, nodes, node, body, detail } = self;
        let replies = if *count == 1 { "1 reply".to_owned() } else { format!("{} replies", grouped(*count)) };
        write!(formatter, "{replies} from {} {}. ", listed(nodes), fault.description())?;
        formatter.write_str(if *count == 1 { "It is" } else { "The first is" })?;
        if nodes.len() > 1 {
            write!(formatter, " from {node} and")?;
        }
        write!(formatter, " {body}")?;
        if !detail.is_empty() {
            write!(formatter, " ({detail})")?;
        }
        write!(formatter, ". Usual cause: {}.", fault.usual_cause())
    }
}

/// `n0`, `n0 and n1`, `n0, n1, n2 and 22 more`.
pub(crate) fn listed<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> String {
    let names: Vec<String> = nodes.into_iter().map(|node| excerpt(node.as_str(), 40)).collect();
    match &names[..] {
        [] => "no node".to_owned(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, second, third] => format!("{first}, {second} and {third}"),
        [first, second, third, rest @ ..] => format!("{first}, {second}, {third} and {} more", rest.len()),
    }
}

impl ReplyLog {
    /// The requests by type, in the order of their first appearance.
    pub fn requests(&self) -> &[RequestTally] {
        &self.requests
    }

    /// The replies that could not be used, by reason.
    pub fn unusable(&self) -> impl Iterator<Item = &UnusableReplies> {
        self.unusable.values()
    }

    /// The nodes that answered init more than once, and how many replies there were beyond the first.
    pub fn second_init_replies(&self) -> &BTreeMap<NodeId, u64> {
        &self.second_init_replies
    }

    /// Replies of this node that could not be used.
    pub(crate) fn unusable_of(&self, node: &NodeId) -> Option<&UnusableReplies> {
        self.unusable().find(|replies| replies.nodes.contains(node))
    }

    fn tally(&mut self, kind: &'static str) -> &mut RequestTally {
        let place = self.requests.iter().position(|request| request.kind == kind);
        let place = place.unwrap_or_else(|| {
            self.requests.push(RequestTally {
                kind,
                sent: 0,
                timed_out: 0,
                timeout: Duration::ZERO,
                timed_out_by_node: BTreeMap::new(),
                errors: BTreeMap::new(),
            });
            self.requests.len() - 1
        });
        &mut self.requests[place]
    }

    fn count_unusable(&mut self, fault: ReplyFault, src: &str, body: &str, detail: String) {
        let replies = self.unusable.entry(fault).or_insert_with(|| UnusableReplies {
            fault,
            count: 0,
            nodes: BTreeSet::new(),
            node: src.into(),
            body: excerpt(body, QUOTE_CHARS),
            detail,
        });
        replies.count += 1;
        if !replies.nodes.contains(src) {
            replies.nodes.insert(src.into());
        }
    }
}

/// One client's part of the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientLog {
    shared: Rc<RefCell<ReplyLog>>,
    state: Rc<RefCell<ClientState>>,
}

#[derive(Debug, Default)]
struct ClientState {
    /// Requests are numbered from 1.
    last_msg_id: u64,
    /// The last requests that timed out, by number, with their type.
    timed_out: BTreeMap<u64, &'static str>,
    /// Whether the first request is init, which has its own rule.
    sends_init: bool,
}

impl ClientLog {
    /// The log of a new client.
    pub(crate) fn new(shared: &Rc<RefCell<ReplyLog>>) -> Self {
        Self { shared: Rc::clone(shared), state: Rc::default() }
    }

    /// A request is sent now. Returns its number.
    pub(crate) fn sent(&self, kind: &'static str) -> u64 {
        self.shared.borrow_mut().tally(kind).sent += 1;
        let mut state = self.state.borrow_mut();
        state.last_msg_id += 1;
        state.sends_init |= kind == "init";
        state.last_msg_id
    }

    pub(crate) fn timed_out(&self, kind: &'static str, msg_id: u64, node: &NodeId, timeout: Duration) {
        let mut shared = self.shared.borrow_mut();
        let tally = shared.tally(kind);
        tally.timed_out += 1;
        tally.timeout = tally.timeout.max(timeout);
        *tally.timed_out_by_node.entry(node.clone()).or_default() += 1;
        let mut state = self.state.borrow_mut();
        state.timed_out.insert(msg_id, kind);
        if state.timed_out.len() > MAX_TIMED_OUT {
            state.timed_out.pop_first();
        }
    }

    pub(crate) fn failed(&self, kind: &'static str, node: &NodeId, error: &RpcError) {
        let mut shared = self.shared.borrow_mut();
        let errors = &mut shared.tally(kind).errors;
        if let Some(tally) = errors.get_mut(&error.code) {
            tally.count += 1;
        } else if errors.len() < MAX_CODES {
            let text = excerpt(&error.text, QUOTE_CHARS);
            errors.insert(error.code, ErrorTally { count: 1, node: node.clone(), text });
        } else if let Some(mut last) = errors.last_entry() {
            last.get_mut().count += 1;
        }
    }

    /// A message came that is not the reply to an open request.
    pub(crate) fn unexpected(&self, src: &str, body: &RawValue) {
        let (fault, detail) = self.state.borrow().classify(body);
        let mut shared = self.shared.borrow_mut();
        if fault == ReplyFault::SecondReply && self.state.borrow().sends_init {
            *shared.second_init_replies.entry(src.into()).or_default() += 1;
        } else {
            shared.count_unusable(fault, src, body.get(), detail);
        }
    }
}

/// The reserved keys, with any values.
#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    in_reply_to: Option<&'a RawValue>,
}

impl ClientState {
    /// Why a message can't be used as a reply, and what exactly is wrong with it.
    fn classify(&self, body: &RawValue) -> (ReplyFault, String) {
        let keys: Keys<'_> = match serde_json::from_str(body.get()) {
            Ok(keys) => keys,
            Err(error) => return (ReplyFault::RepeatedKey, error.to_string()),
        };
        let Some(in_reply_to) = keys.in_reply_to else { return (ReplyFault::NoInReplyTo, String::new()) };
        let shown = excerpt(in_reply_to.get(), 40);
        let Ok(number) = in_reply_to.get().parse::<i128>() else {
            return (ReplyFault::InReplyToNotAnInteger, format!("`in_reply_to` was {shown}"));
        };
        let sent = match self.last_msg_id {
            0 => "the client had sent nothing".to_owned(),
            1 => "the client had sent request 1 only".to_owned(),
            last => format!("the client had sent requests 1 to {last}"),
        };
        let number = match u64::try_from(number) {
            Ok(number) if (1..=self.last_msg_id).contains(&number) => number,
            _ => {
                let detail = format!("`in_reply_to` was {shown}, but {sent}");
                return (ReplyFault::UnknownRequest, detail);
            }
        };
        if !keys.kind.is_some_and(|kind| kind.get().starts_with('"')) {
            let found = keys.kind.map_or("missing".to_owned(), |kind| excerpt(kind.get(), 40));
            return (ReplyFault::NoType, format!("`type` was {found}"));
        }
        match self.timed_out.get(&number) {
            Some(kind) => (ReplyFault::Late, format!("it answered `{kind}` request {number}")),
            None => (ReplyFault::SecondReply, format!("it answered request {number}")),
        }
    }
}

/// The log after one client's requests.
#[cfg(test)]
pub(crate) fn reply_log_of(use_client: impl FnOnce(&ClientLog)) -> ReplyLog {
    let shared = Rc::default();
    use_client(&ClientLog::new(&shared));
    shared.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log after a client sent two requests, of which the second timed out, and these bodies came.
    fn log(bodies: &[&str]) -> ReplyLog {
        let shared = Rc::default();
        let client = ClientLog::new(&shared);
        client.sent("read");
        let second = client.sent("read");
        client.timed_out("read", second, &"n1".into(), Duration::from_secs(5));
        for body in bodies {
            client.unexpected("n1", serde_json::from_str(body).expect("valid JSON"));
        }
        shared.take()
    }

    fn fault(body: &str) -> (ReplyFault, String) {
        let log = log(&[body]);
        let replies = log.unusable().next().expect("the reply is of no use");
        assert_eq!(replies.body, body);
        (replies.fault, replies.detail.clone())
    }

    #[test]
    fn every_kind_of_unusable_reply_is_told_apart() {
        for (body, expected, detail) in [
            (r#"{"type":"read_ok"}"#, ReplyFault::NoInReplyTo, ""),
            (r#"{"type":"read_ok","in_reply_to":null}"#, ReplyFault::NoInReplyTo, ""),
            (r#"{"type":"read_ok","in_reply_to":"1"}"#, ReplyFault::InReplyToNotAnInteger, r#"was "1""#),
            (r#"{"type":"read_ok","in_reply_to":1.0}"#, ReplyFault::InReplyToNotAnInteger, "was 1.0"),
            (r#"{"type":"read_ok","in_reply_to":3}"#, ReplyFault::UnknownRequest, "requests 1 to 2"),
            (r#"{"type":"read_ok","in_reply_to":-1}"#, ReplyFault::UnknownRequest, "was -1"),
            (r#"{"type":"read_ok","in_reply_to":0}"#, ReplyFault::UnknownRequest, "was 0"),
            (r#"{"in_reply_to":1}"#, ReplyFault::NoType, "missing"),
            (r#"{"in_reply_to":1,"type":7}"#, ReplyFault::NoType, "was 7"),
            (r#"{"type":"a","type":"b","in_reply_to":1}"#, ReplyFault::RepeatedKey, "duplicate field"),
            (r#"{"type":"read_ok","in_reply_to":1}"#, ReplyFault::SecondReply, "request 1"),
            (r#"{"type":"read_ok","in_reply_to":2}"#, ReplyFault::Late, "`read` request 2"),
        ] {
            let (found, found_detail) = fault(body);
            assert_eq!(found, expected, "{body}");
            assert!(found_detail.contains(detail), "{found_detail}");
        }
    }

    #[test]
    fn replies_are_counted_and_the_first_is_kept_short() {
        let long = format!(r#"{{"type":"x","text":"{}"}}"#, "y".repeat(1 << 20));
        let log = log(&[&long, r#"{"type":"read_ok"}"#]);
        let replies = log.unusable().next().expect("two of one kind");
        assert_eq!((replies.count, replies.nodes.len()), (2, 1));
        assert!(replies.body.len() < 2 * QUOTE_CHARS && replies.body.ends_with("bytes)"), "{replies:?}");
        assert_eq!(log.requests()[0].timed_out, 1);
    }

    #[test]
    fn errors_are_tallied_by_code_with_the_first_text() {
        let shared = Rc::default();
        let client = ClientLog::new(&shared);
        for text in ["no leader yet", "still none"] {
            client.sent("read");
            client.failed("read", &"n2".into(), &RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, text));
        }
        for code in 0..100 {
            client.failed("read", &"n2".into(), &RpcError::new(ErrorCode(1000 + code), ""));
        }
        let log = shared.take();
        let errors = &log.requests()[0].errors;
        let first = &errors[&ErrorCode::TEMPORARILY_UNAVAILABLE];
        assert_eq!((first.count, first.text.as_str()), (2, "no leader yet"));
        assert_eq!((errors.len(), errors.values().map(|tally| tally.count).sum::<u64>()), (MAX_CODES, 102));
    }
}
