//! What a node prints now, beside what it printed in the recorded run.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use glomers_protocol::{Envelope, Json, text::excerpt};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Recording, recording::Output, shorten};

/// How a repeated node compares with the recorded one.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    recording: &'a Recording,
    equal: usize,
    /// How many lines the node was given.
    pub(crate) given: usize,
    /// The first difference.
    pub(crate) difference: Option<Difference>,
    /// The lines that were no messages: the first, and how many.
    pub(crate) rubbish: Option<(String, u64)>,
    /// How the node ended by itself.
    pub(crate) exit: Option<String>,
    /// From when on the node may end by itself, as it did.
    end_from: Option<Duration>,
    are_timers_ignored: bool,
    /// The node's own `msg_id`s, which it may draw at random: from the recorded ones to today's.
    ids: BTreeMap<String, String>,
}

/// The first difference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Which part of the message differs: `dest`, or a key of the body.
    pub(crate) part: Option<String>,
    /// What was recorded.
    pub(crate) recorded: String,
    /// What came.
    pub(crate) now: String,
}

type Keys<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl<'a> Comparison<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        Self {
            recording,
            equal: 0,
            given: 0,
            difference: None,
            rubbish: None,
            exit: None,
            end_from: None,
            are_timers_ignored: false,
            ids: BTreeMap::new(),
        }
    }

    /// How many messages were as recorded.
    pub(crate) fn equal(&self) -> usize {
        self.equal
    }

    /// How many messages the recording has.
    pub(crate) fn recorded(&self) -> usize {
        self.recording.outputs.len()
    }

    /// Whether there is nothing more to compare: something differs, or the node has ended.
    pub(super) fn is_over(&self) -> bool {
        self.difference.is_some() || self.exit.is_some()
    }

    /// Whether the node has done all that it did.
    pub(super) fn is_complete(&self) -> bool {
        self.equal == self.recorded() && self.exit.is_some() == self.recording.exit.is_some()
    }

    /// All lines are given: what the recorded node did next was to end, if it did, at this time.
    pub(super) fn may_end(&mut self, at: Duration) {
        self.end_from = Some(at);
    }

    /// From here on, what the node sends without being asked is no surplus.
    pub(super) fn ignore_surplus_of_timers(&mut self) {
        self.are_timers_ignored = true;
    }

    /// Looks at a line that the node has printed.
    pub(super) fn compare(&mut self, line: &[u8]) {
        let parsed = std::str::from_utf8(line).ok().and_then(|line| Envelope::parse(line).ok());
        let Some(message) = parsed else {
            // The world drops such a line with a complaint, and the journal does not count it as a message.
            self.rubbish.get_or_insert_with(|| (excerpt(line, 200), 0)).1 += 1;
            return;
        };
        let body = message.body.get();
        let Some(expected) = self.recording.outputs.get(self.equal) else {
            let is_timer = keys(body).is_none_or(|keys| !keys.contains_key("in_reply_to"));
            if !(self.are_timers_ignored && is_timer) {
                let now = shorten(&format!("to {}: {body}", message.dest));
                self.differs(None, "nothing more".into(), now);
            }
            return;
        };
        match self.first_difference(expected, &message.dest, body) {
            None => self.equal += 1,
            Some(part) => {
                let now = shorten(&format!("to {}: {body}", message.dest));
                self.differs(Some(part), show(expected), now);
            }
        }
    }

    /// Which part differs. Where none does, the `msg_id`s belong together.
    fn first_difference(&mut self, expected: &Output, dest: &str, body: &str) -> Option<String> {
        if expected.dest != dest {
            return Some("dest".into());
        }
        let (Some(recorded), Some(now)) = (keys(&expected.body), keys(body)) else {
            return (*expected.body != *body).then(|| "body".into());
        };
        let differs = |key: &str| match (recorded.get(key), now.get(key)) {
            (Some(_), Some(_)) if key == "msg_id" => false,
            (Some(one), Some(other)) => Json::new((*one).to_owned()) != Json::new((*other).to_owned()),
            (one, other) => one.is_some() != other.is_some(),
        };
        let all = recorded.keys().chain(now.keys());
        if let Some(key) = all.clone().find(|key| differs(key)) {
            return Some(format!("body.{key}"));
        }
        if let (Some(recorded), Some(now)) = (recorded.get("msg_id"), now.get("msg_id")) {
            self.ids.insert(recorded.get().to_owned(), now.get().to_owned());
        }
        None
    }

    /// The node has ended by itself, in words.
    pub(super) fn end(&mut self, words: String, at: Duration) {
        // As late as it did, or a little earlier.
        let is_time = self.end_from.is_some_and(|from| at + super::TIMER_SLACK >= from);
        let missing = self.recording.outputs.get(self.equal).map(show);
        match (&self.recording.exit, missing) {
            (_, Some(missing)) => self.differs(None, missing, format!("it {words}")),
            (Some(recorded), None) if *recorded != words => {
                self.differs(None, format!("it {recorded}"), format!("it {words}"));
            }
            (None, None) if !is_time => {
                self.differs(None, "it went on".into(), format!("it {words}"));
            }
            _ => {}
        }
        self.exit = Some(words);
    }

    /// The next recorded message has not come.
    pub(super) fn nothing_came(&mut self, words: &str) {
        if self.is_over() {
            return;
        }
        if let Some(missing) = self.recording.outputs.get(self.equal) {
            self.differs(None, show(missing), words.to_owned());
        }
    }

    /// Nothing more is waited for.
    pub(super) fn finish(&mut self, words: &str) {
        self.nothing_came(words);
        if !self.is_over()
            && let Some(recorded) = &self.recording.exit
        {
            self.differs(None, format!("it {recorded}"), "it goes on".into());
        }
    }

    fn differs(&mut self, part: Option<String>, recorded: String, now: String) {
        self.difference.get_or_insert(Difference { part, recorded, now });
    }

    /// A line whose `in_reply_to` names the id that the node has given today. All else stays as it was, byte for byte.
    pub(super) fn with_ids<'b>(&self, line: &'b str) -> Cow<'b, str> {
        #[derive(Deserialize)]
        struct Message<'a> {
            #[serde(borrow)]
            body: Body<'a>,
        }
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            in_reply_to: Option<&'a RawValue>,
        }
        let id = serde_json::from_str::<Message<'b>>(line).ok().and_then(|message| message.body.in_reply_to);
        let Some((id, now)) = id.and_then(|id| Some((id.get(), self.ids.get(id.get())?))) else {
            return line.into();
        };
        let start = id.as_ptr() as usize - line.as_ptr() as usize;
        format!("{}{now}{}", &line[..start], &line[start + id.len()..]).into()
    }
}

fn keys(body: &str) -> Option<Keys<'_>> {
    serde_json::from_str(body).ok()
}

fn show(output: &Output) -> String {
    shorten(&format!("to {}: {}", output.dest, output.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(bodies: &[&str], exit: Option<&str>) -> Recording {
        let output = |body: &&str| Output { dest: "c1".into(), body: (*body).into() };
        Recording {
            outputs: bodies.iter().map(output).collect(),
            exit: exit.map(str::to_owned),
            ..Recording::default()
        }
    }

    fn line(body: &str) -> Vec<u8> {
        format!(r#"{{"src":"n1","dest":"c1","body":{body}}}"#).into_bytes()
    }

    #[test]
    fn the_part_that_differs_is_named() {
        let recording =
            recording(&[r#"{"type":"echo_ok","in_reply_to":1,"echo":99999999999999999998}"#], None);
        let part = |line: &[u8]| {
            let mut comparison = Comparison::new(&recording);
            comparison.compare(line);
            comparison.difference.and_then(|difference| difference.part)
        };
        assert_eq!(part(&line(r#"{"echo":99999999999999999998, "in_reply_to":1,"type":"echo_ok"}"#)), None);
        let other = line(r#"{"echo":99999999999999999999,"in_reply_to":1,"type":"echo_ok"}"#);
        assert_eq!(part(&other), Some("body.echo".into()));
        let reply_to_another = line(r#"{"echo":99999999999999999998,"in_reply_to":2,"type":"echo_ok"}"#);
        assert_eq!(part(&reply_to_another), Some("body.in_reply_to".into()));
        let key_too_many =
            line(r#"{"echo":99999999999999999998,"in_reply_to":1,"type":"echo_ok","more":null}"#);
        assert_eq!(part(&key_too_many), Some("body.more".into()));
        let to_another =
            br#"{"src":"n1","dest":"c2","body":{"type":"echo_ok","in_reply_to":1,"echo":99999999999999999998}}"#;
        assert_eq!(part(to_another), Some("dest".into()));
    }

    #[test]
    fn replies_name_the_ids_of_today() {
        let recording = recording(&[r#"{"type":"read","msg_id":41}"#], None);
        let mut comparison = Comparison::new(&recording);
        comparison.compare(&line(r#"{"type":"read","msg_id":"x7"}"#));
        assert_eq!((comparison.equal, &comparison.difference), (1, &None));
        let reply = r#"{"id":3,"src":"lin-kv","dest":"n1","body":{"value":1.50,"in_reply_to": 41 ,"type":"read_ok"}}"#;
        assert_eq!(comparison.with_ids(reply), reply.replace("41", "\"x7\""));
        let foreign = reply.replace("41", "42");
        assert_eq!(comparison.with_ids(&foreign), foreign);
    }

    #[test]
    fn what_comes_too_much_or_not_at_all_is_a_difference() {
        let one = recording(&[r#"{"type":"a"}"#], None);
        let mut comparison = Comparison::new(&one);
        comparison.compare(b"Server started \xff");
        comparison.compare(&line(r#"{"type":"a"}"#));
        assert_eq!(comparison.rubbish.as_ref().map(|(_, count)| *count), Some(1));
        comparison.ignore_surplus_of_timers();
        comparison.compare(&line(r#"{"type":"gossip"}"#));
        assert!(comparison.difference.is_none());
        comparison.compare(&line(r#"{"type":"a_ok","in_reply_to":1}"#));
        assert_eq!(comparison.difference.expect("one reply too many").recorded, "nothing more");

        let mut comparison = Comparison::new(&one);
        comparison.finish("nothing");
        let difference = comparison.difference.expect("nothing came");
        assert_eq!((&*difference.recorded, &*difference.now), (r#"to c1: {"type":"a"}"#, "nothing"));
    }

    #[test]
    fn an_end_counts_as_much_as_a_message() {
        let second = Duration::from_secs(1);
        let died = recording(&[], Some("exited with status 1"));
        let lived = recording(&[], None);
        let difference = |recording, words: Option<&str>, at| {
            let mut comparison = Comparison::new(recording);
            comparison.may_end(10 * second);
            match words {
                Some(words) => comparison.end(words.into(), at),
                None => comparison.finish("nothing"),
            }
            comparison.difference.map(|difference| difference.now)
        };
        assert_eq!(difference(&died, Some("exited with status 1"), second), None);
        assert_eq!(
            difference(&died, Some("exited with status 2"), second),
            Some("it exited with status 2".into())
        );
        assert_eq!(difference(&died, None, second), Some("it goes on".into()));
        assert_eq!(
            difference(&lived, Some("exited with status 0"), second),
            Some("it exited with status 0".into())
        );
        assert_eq!(difference(&lived, Some("exited with status 0"), 10 * second), None);
        assert_eq!(difference(&lived, None, second), None);
    }
}
