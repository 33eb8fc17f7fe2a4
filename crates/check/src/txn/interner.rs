//! Keys and elements as small numbers.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::Value;

/// The number of a key, in the order in which keys were first seen.
pub(crate) type KeyId = u32;

/// The number of an element of a list, or of a version of a register. Its key is part of its identity.
pub(crate) type ElementId = u32;

/// No element has this number.
pub(crate) const NO_ELEMENT: ElementId = u32::MAX;

/// A value in sixteen bytes: nearly all keys and elements are integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Atom {
    Integer(i64),
    Other(u32),
}

/// Gives every key, and every pair of a key and an element, a number.
#[derive(Default)]
pub(crate) struct Interner {
    others: Vec<Value>,
    number_of_other: BTreeMap<Value, u32>,
    key_numbers: Numbers,
    keys: Vec<Atom>,
    element_numbers: Vec<Numbers>,
    elements: Vec<(KeyId, Atom)>,
}

impl Interner {
    pub(crate) fn key(&mut self, key: &Value) -> KeyId {
        let atom = self.atom(key);
        let next = self.keys.len() as u32;
        let number = self.key_numbers.get_or_insert(atom, next);
        if number == next {
            self.keys.push(atom);
            self.element_numbers.push(Numbers::default());
        }
        number
    }

    pub(crate) fn element(&mut self, key: KeyId, element: &Value) -> ElementId {
        let atom = self.atom(element);
        let next = self.elements.len() as u32;
        let number = self.element_numbers[key as usize].get_or_insert(atom, next);
        if number == next {
            self.elements.push((key, atom));
        }
        number
    }

    pub(crate) fn key_count(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn element_count(&self) -> usize {
        self.elements.len()
    }

    pub(crate) fn key_of(&self, element: ElementId) -> KeyId {
        self.elements[element as usize].0
    }

    pub(crate) fn key_value(&self, key: KeyId) -> Value {
        self.value(self.keys[key as usize])
    }

    pub(crate) fn element_value(&self, element: ElementId) -> Value {
        self.value(self.elements[element as usize].1)
    }

    /// Whether the element is this value.
    pub(crate) fn is(&self, element: ElementId, value: &Value) -> bool {
        match (self.elements[element as usize].1, value) {
            (Atom::Integer(integer), Value::Int(other)) => i128::from(integer) == *other,
            (Atom::Integer(_), _) => false,
            (Atom::Other(other), value) => self.others[other as usize] == *value,
        }
    }

    fn atom(&mut self, value: &Value) -> Atom {
        if let Value::Int(integer) = value
            && let Ok(integer) = i64::try_from(*integer)
        {
            return Atom::Integer(integer);
        }
        if let Some(&number) = self.number_of_other.get(value) {
            return Atom::Other(number);
        }
        let number = self.others.len() as u32;
        self.others.push(value.clone());
        self.number_of_other.insert(value.clone(), number);
        Atom::Other(number)
    }

    fn value(&self, atom: Atom) -> Value {
        match atom {
            Atom::Integer(integer) => Value::Int(integer.into()),
            Atom::Other(number) => self.others[number as usize].clone(),
        }
    }
}

/// A map from atoms to numbers. Generators count from one, so that most atoms are found by position. The positions are at most
/// twice the atoms, and some, whatever integers a node makes up.
#[derive(Default)]
struct Numbers {
    dense: Vec<u32>,
    sparse: FxHashMap<Atom, u32>,
    count: usize,
}

impl Numbers {
    fn get_or_insert(&mut self, atom: Atom, next: u32) -> u32 {
        let number = self.find_or_insert(atom, next);
        self.count += usize::from(number == next);
        number
    }

    fn find_or_insert(&mut self, atom: Atom, next: u32) -> u32 {
        let Some(position) = self.dense_position(atom) else {
            return *self.sparse.entry(atom).or_insert(next);
        };
        if position >= self.dense.len() {
            // An atom that was far away when it came first stays where it was put.
            if let Some(&number) = self.sparse.get(&atom) {
                return number;
            }
            self.dense.resize(position + 1, NO_ELEMENT);
        }
        let slot = &mut self.dense[position];
        if *slot == NO_ELEMENT {
            *slot = self.sparse.get(&atom).copied().unwrap_or(next);
        }
        *slot
    }

    fn dense_position(&self, atom: Atom) -> Option<usize> {
        let Atom::Integer(integer) = atom else { return None };
        let limit = self.dense.len().max(self.count * 2 + 16);
        usize::try_from(integer).ok().filter(|&position| position < limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_number_whatever_comes_between() {
        let mut interner = Interner::default();
        let values: Vec<Value> = [90, -1, 3, 17, 40, 90, 100].map(Value::from).into();
        let keys: Vec<KeyId> = values.iter().map(|value| interner.key(value)).collect();
        for (value, key) in values.iter().zip(&keys) {
            assert_eq!(interner.key(value), *key);
            assert_eq!(interner.key_value(*key), *value);
        }
        assert_eq!(keys, [0, 1, 2, 3, 4, 0, 5]);
    }

    #[test]
    fn memory_goes_by_the_number_of_values_and_not_by_their_size() {
        let mut interner = Interner::default();
        for power in 0..63 {
            interner.key(&Value::from(1_i64 << power));
        }
        assert!(interner.key_numbers.dense.len() < 200);
    }

    #[test]
    fn elements_of_different_keys_are_different() {
        let mut interner = Interner::default();
        let (x, y) = (interner.key(&Value::keyword("x")), interner.key(&Value::keyword("y")));
        let (one, two) = (interner.element(x, &Value::from(1)), interner.element(y, &Value::from(1)));
        assert_ne!(one, two);
        assert_eq!((interner.key_of(one), interner.key_of(two)), (x, y));
        assert!(interner.is(two, &Value::from(1)));
        assert!(!interner.is(two, &Value::from("1")));
    }
}
