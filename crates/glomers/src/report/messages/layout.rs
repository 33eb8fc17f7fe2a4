//! The positions of hosts and events.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{Mark, Message};

/// The least distance of the rows of two events, in pixels.
const ROW: f64 = 13.0;

/// The additional height of a row for each factor of ten of a pause above 0.1 ms, in pixels.
const PAUSE: f64 = 7.0;

/// The columns of hosts and the rows of events.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    hosts: BTreeMap<&'a str, Host>,
    /// How many columns there are.
    pub(super) columns: usize,
    /// The height of each mark, in pixels below the first row.
    pub(super) heights: Vec<f64>,
}

/// The column of a host, and when it is visible.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    pub(super) column: usize,
    pub(super) role: Role,
    /// The first and the last mark that concerns it.
    pub(super) first: usize,
    pub(super) last: usize,
}

/// What a host is, by its name; columns are in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Client,
    Node,
    Service,
}

impl<'a> Layout<'a> {
    pub(super) fn new(messages: &'a [Message], marks: &[Mark]) -> Layout<'a> {
        let mut hosts: BTreeMap<&str, Host> = BTreeMap::new();
        for (index, mark) in marks.iter().enumerate() {
            let message = &messages[mark.message];
            for name in [message.src.as_str(), message.dest.as_str()] {
                let unplaced = Host { column: 0, role: role(name), first: index, last: index };
                hosts.entry(name).or_insert(unplaced).last = index;
            }
        }
        let columns = place(&mut hosts);
        Layout { hosts, columns, heights: heights(marks) }
    }

    /// All hosts by name.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (&'a str, &Host)> {
        self.hosts.iter().map(|(name, host)| (*name, host))
    }

    /// The column of a host of one of the messages.
    pub(super) fn column(&self, name: &str) -> usize {
        self.hosts.get(name).map_or(0, |host| host.column)
    }
}

/// Gives each host a column and returns their number. Clients come and go, so a new one reuses the column of one that
/// has ended; nodes and services keep theirs.
fn place(hosts: &mut BTreeMap<&str, Host>) -> usize {
    let mut order: Vec<(&str, Host)> = hosts.iter().map(|(name, host)| (*name, *host)).collect();
    order.sort_by(|(left_name, left), (right_name, right)| {
        let by_time = if left.role == Role::Client { left.first.cmp(&right.first) } else { Ordering::Equal };
        left.role.cmp(&right.role).then(by_time).then_with(|| natural(left_name, right_name))
    });
    // For each column the last mark that concerns its latest host.
    let mut columns: Vec<usize> = Vec::new();
    for (name, host) in order {
        let free = columns.iter().position(|last| host.role == Role::Client && *last < host.first);
        let column = free.unwrap_or(columns.len());
        match columns.get_mut(column) {
            Some(last) => *last = host.last,
            None => columns.push(host.last),
        }
        if let Some(host) = hosts.get_mut(name) {
            host.column = column;
        }
    }
    columns.len()
}

fn heights(marks: &[Mark]) -> Vec<f64> {
    let mut height = 0.0;
    let mut before_ns = marks.first().map_or(0, |mark| mark.time_ns);
    marks
        .iter()
        .map(|mark| {
            let pause_ms = mark.time_ns.saturating_sub(before_ns) as f64 / 1e6;
            before_ns = mark.time_ns;
            height += ROW + PAUSE * (pause_ms / 0.1).max(1.0).log10();
            height
        })
        .collect()
}

fn role(name: &str) -> Role {
    let numbered = |letter: char| name.strip_prefix(letter).is_some_and(|rest| rest.parse::<u64>().is_ok());
    if numbered('c') {
        Role::Client
    } else if numbered('n') {
        Role::Node
    } else {
        Role::Service
    }
}

/// The order of names in which `n2` comes before `n10`.
fn natural(left: &str, right: &str) -> Ordering {
    let key = |name: &str| {
        let digits = name.trim_end_matches(|character: char| character.is_ascii_digit()).len();
        (name[..digits].to_owned(), name[digits..].parse::<u64>().ok())
    };
    key(left).cmp(&key(right)).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_numbers() {
        let mut names = ["n10", "n2", "lin-kv", "n1"];
        names.sort_by(|left, right| natural(left, right));
        assert_eq!(names, ["lin-kv", "n1", "n2", "n10"]);
    }

    #[test]
    fn clients_that_follow_each_other_share_a_column() {
        let host = |role, first, last| Host { column: 0, role, first, last };
        let mut hosts = BTreeMap::from([
            ("c1", host(Role::Client, 0, 3)),
            ("c2", host(Role::Client, 1, 9)),
            ("c3", host(Role::Client, 4, 5)),
            ("n1", host(Role::Node, 0, 9)),
        ]);
        assert_eq!(place(&mut hosts), 3);
        assert_eq!(
            [hosts["c1"].column, hosts["c2"].column, hosts["c3"].column, hosts["n1"].column],
            [0, 1, 0, 2]
        );
    }

    #[test]
    fn only_a_letter_and_digits_make_a_client() {
        assert_eq!(
            ["c12", "c", "n1", "lin-kv", "cn1"].map(role),
            [Role::Client, Role::Service, Role::Node, Role::Service, Role::Service]
        );
    }
}
