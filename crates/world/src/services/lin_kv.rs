//! `lin-kv`: linearizable registers.

use glomers_node::{Json, NodeId, Random, RpcError};

use super::Definition;
use super::key_value::{self, Action, Operation, Store, Values};

pub(crate) const DEFINITION: Definition = Definition {
    name: "lin-kv",
    doc: "a linearizable key-value store: every operation takes effect at one moment",
    build: |options, id| key_value::serve(options, id, LinKv::default()),
};

/// One state, and every operation acts on it.
#[derive(Default)]
pub(super) struct LinKv {
    values: Values<Json>,
}

impl Store for LinKv {
    fn apply(&mut self, _: &NodeId, operation: &Operation, _: &mut Random) -> Result<Json, RpcError> {
        let afterwards = operation.act_on(self.values.get(&operation.key))?;
        if operation.action != Action::Read {
            self.values.admit(&operation.key, &afterwards)?;
            self.values.insert(operation.key.clone(), afterwards.clone());
        }
        Ok(afterwards)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_value::testing::{Harness, cas, cas_or_create, read, write};
    use super::*;

    #[test]
    fn every_operation_acts_on_what_the_last_one_left() {
        let mut store = Harness::new(LinKv::default(), 0);
        assert_eq!(store.apply("n0", &read("x")), Err(20));
        assert_eq!(store.apply("n0", &cas("x", 1, 2)), Err(20));
        assert_eq!(store.apply("n0", &write("x", 1)), Ok(1));
        assert_eq!(store.apply("n1", &cas("x", 2, 3)), Err(22));
        assert_eq!(store.apply("n1", &cas("x", 1, 2)), Ok(2));
        assert_eq!(store.apply("n0", &read("x")), Ok(2));
        assert_eq!(store.apply("n0", &read("y")), Err(20));
        assert_eq!(store.apply("n0", &cas_or_create("y", 7, 8)), Ok(8));
        assert_eq!(store.apply("n0", &cas_or_create("y", 7, 9)), Err(22));
        assert_eq!(store.apply("n0", &read("y")), Ok(8));
    }
}
