//! Equality, order and hashes of values, as Clojure compares them, made total.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::Value;

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Keyword(a), Self::Keyword(b)) | (Self::Symbol(a), Self::Symbol(b)) => a == b,
            (Self::List(a) | Self::Vector(a), Self::List(b) | Self::Vector(b)) => a == b,
            _ => self.cmp(other).is_eq(),
        }
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Nil, Self::Nil) => Ordering::Equal,
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => positive_zero(*a).total_cmp(&positive_zero(*b)),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Keyword(a), Self::Keyword(b)) | (Self::Symbol(a), Self::Symbol(b)) => a.cmp(b),
            (Self::List(a) | Self::Vector(a), Self::List(b) | Self::Vector(b)) => a.cmp(b),
            (Self::Map(a), Self::Map(b)) => a.len().cmp(&b.len()).then_with(|| sorted(a).cmp(&sorted(b))),
            (Self::Set(a), Self::Set(b)) => a.len().cmp(&b.len()).then_with(|| sorted(a).cmp(&sorted(b))),
            (Self::Tagged(a), Self::Tagged(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        rank(self).hash(state);
        match self {
            Self::Nil => {}
            Self::Bool(value) => value.hash(state),
            Self::Int(value) => value.hash(state),
            Self::Float(value) => positive_zero(*value).to_bits().hash(state),
            Self::String(text) => text.hash(state),
            Self::Keyword(name) | Self::Symbol(name) => name.hash(state),
            Self::List(items) | Self::Vector(items) => items.hash(state),
            Self::Map(entries) => unordered_hash(entries).hash(state),
            Self::Set(items) => unordered_hash(items).hash(state),
            Self::Tagged(tagged) => tagged.hash(state),
            Self::Number(number) => number.hash(state),
        }
    }
}

/// Where values of different kinds stand to each other. Lists and vectors share a rank, since they may be equal.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Nil => 0,
        Value::Bool(_) => 1,
        // Integers of any size are in the order of numbers.
        Value::Number(number) if number.is_below_int() => 2,
        Value::Int(_) => 3,
        Value::Number(_) => 4,
        Value::Float(_) => 5,
        Value::String(_) => 6,
        Value::Keyword(_) => 7,
        Value::Symbol(_) => 8,
        Value::List(_) | Value::Vector(_) => 9,
        Value::Map(_) => 10,
        Value::Set(_) => 11,
        Value::Tagged(_) => 12,
    }
}

/// Zero has two signs and one meaning.
fn positive_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

fn sorted<T: Ord>(items: &[T]) -> Vec<&T> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort_unstable();
    items
}

/// A hash that does not depend on the order of the elements: the sum of theirs.
fn unordered_hash<T: Hash>(items: &[T]) -> u64 {
    items.iter().fold(0_u64, |sum, item| {
        let mut hasher = FxHasher::default();
        item.hash(&mut hasher);
        sum.wrapping_add(hasher.finish())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edn;

    fn hash(value: &Value) -> u64 {
        let mut hasher = FxHasher::default();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn values_are_equal_as_in_clojure() {
        for (a, b, equal) in [
            ("(1 2)", "[1 2]", true),
            ("{:a 1, :b [2]}", "{:b (2), :a 1}", true),
            ("#{1 2 3}", "#{3 1 2}", true),
            ("0.0", "-0.0", true),
            ("1", "1.0", false),
            ("[1 2]", "[2 1]", false),
            ("\"a\"", ":a", false),
            ("{:a nil}", "{}", false),
            ("#inst \"x\"", "#uuid \"x\"", false),
        ] {
            let (a, b) = (edn::read(a).unwrap(), edn::read(b).unwrap());
            assert_eq!(a == b, equal, "{a} and {b}");
            assert!(!equal || hash(&a) == hash(&b), "equal values need equal hashes: {a} and {b}");
        }
    }
}
