//! unique-ids: nodes invent identifiers, and no two may be the same.

use glomers_check::{Operation, Value, registry::Keys};

use super::{Definition, Workload};
use crate::{
    clients::{Bare, Client, Completion, Connection, DEFAULT_TIMEOUT, complete},
    generator::repeat,
    plan::Plan,
    schema::{Field, Rpc, Shape},
};

pub(crate) const DEFINITION: Definition = Definition {
    name: "unique-ids",
    doc: "Nodes generate ids, and no two may be equal.",
    rpcs: &[&GENERATE],
    build,
    settings: &[],
    checker: "unique-ids",
    keys: Keys::None,
};

const GENERATE: Rpc = Rpc {
    name: "generate",
    doc: "Asks for a new id, which may be any JSON value. No node may ever return the same id again, not even during a partition.",
    request: &[],
    reply_name: "generate_ok",
    reply: &[Field { name: "id", shape: Shape::Any }],
};

fn build(_: &Plan) -> Workload {
    Workload::new(repeat(|_| ("generate".into(), Value::Nil)), UniqueIdsClient)
}

struct UniqueIdsClient;

impl Client for UniqueIdsClient {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        Box::pin(async move {
            let result = connection.call(&GENERATE, &Bare {}, DEFAULT_TIMEOUT).await;
            complete(operation, result.map(|mut body| body.remove("id").unwrap_or_default()), false)
        })
    }

    fn is_reusable(&self) -> bool {
        true
    }
}
