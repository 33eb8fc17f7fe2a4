//! Elements by small numbers.

use rustc_hash::FxHashMap;

use crate::Value;

/// Integers below this are looked up in an array. Workloads count their elements up from 0.
const DENSE_LIMIT: usize = 1 << 20;

/// Stands in the array where there is no element.
const NONE: u32 = u32::MAX;

/// Numbers elements in the order in which they were first added.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    dense: Vec<u32>,
    sparse: FxHashMap<Value, u32>,
    values: Vec<Value>,
}

impl Numbering {
    /// The number of an element that was added.
    pub(super) fn get(&self, value: &Value) -> Option<usize> {
        let number = match dense_place(value) {
            Some(place) => self.dense.get(place).copied().filter(|&number| number != NONE),
            None => self.sparse.get(value).copied(),
        };
        number.map(|number| number as usize)
    }

    /// The number of an element, and whether it is a new one.
    pub(super) fn get_or_insert(&mut self, value: &Value) -> (usize, bool) {
        if let Some(number) = self.get(value) {
            return (number, false);
        }
        let number = u32::try_from(self.values.len()).expect("four billion elements do not fit into memory");
        match dense_place(value) {
            Some(place) => {
                if place >= self.dense.len() {
                    self.dense.resize(place + 1, NONE);
                }
                self.dense[place] = number;
            }
            None => {
                self.sparse.insert(value.clone(), number);
            }
        }
        self.values.push(value.clone());
        (number as usize, true)
    }

    /// The elements by number.
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }
}

fn dense_place(value: &Value) -> Option<usize> {
    let Value::Int(number) = value else { return None };
    usize::try_from(*number).ok().filter(|&place| place < DENSE_LIMIT)
}
