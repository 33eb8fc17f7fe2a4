//! The requests of the services, for the protocol page: the services themselves are in [`glomers_world::services`].

use crate::schema::{Field, Rpc, Shape};

/// Requests that some services answer alike.
#[derive(Debug)]
pub struct ServiceRpcs {
    /// The names of the services.
    pub services: &'static [&'static str],
    /// What each of them answers.
    pub rpcs: &'static [Rpc],
}

const KEY: Field = Field { name: "key", shape: Shape::Any };
const VALUE: Field = Field { name: "value", shape: Shape::Any };

/// Every request of every service.
pub const ALL: &[ServiceRpcs] = &[
    ServiceRpcs {
        services: &["lin-kv", "lww-kv", "seq-kv"],
        rpcs: &[
            Rpc {
                name: "read",
                doc: "Asks for the value of a key. The answer is error 20 if the key does not exist.",
                request: &[KEY],
                reply_name: "read_ok",
                reply: &[VALUE],
            },
            Rpc {
                name: "write",
                doc: "Sets the value of a key, whether or not it exists. The answer is error 11 if the store is full.",
                request: &[KEY, VALUE],
                reply_name: "write_ok",
                reply: &[],
            },
            Rpc {
                name: "cas",
                doc: "Atomically replaces the value of a key with `to` if it is `from`. The answer is error 20 if the key does not exist, and error 22 if \
                      it has another value. With `\"create_if_not_exists\": true`, a key that does not exist is set to `to`.",
                request: &[
                    KEY,
                    Field { name: "from", shape: Shape::Any },
                    Field { name: "to", shape: Shape::Any },
                ],
                reply_name: "cas_ok",
                reply: &[],
            },
        ],
    },
    ServiceRpcs {
        services: &["lin-tso"],
        rpcs: &[Rpc {
            name: "ts",
            doc: "Asks for a timestamp: the next integer, from 0 on.",
            request: &[],
            reply_name: "ts_ok",
            reply: &[Field { name: "ts", shape: Shape::Integer }],
        }],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use glomers_check::Value;
    use glomers_node::{
        RawValue,
        protocol::{Body, RawBody},
        services::{Cas, CasOk, Read, ReadOk, Ts, TsOk, Write, WriteOk},
    };

    use super::*;

    #[test]
    fn every_service_is_described_once() {
        let mut described: Vec<&str> = ALL.iter().flat_map(|group| group.services).copied().collect();
        described.sort_unstable();
        let there: Vec<&str> = glomers_world::services::ALL.iter().map(|service| service.name).collect();
        assert_eq!(described, there);
    }

    #[test]
    fn the_descriptions_fit_the_messages_that_nodes_and_services_use() {
        let any = || RawValue::from_string("7".into()).expect("a number is JSON");
        let cas = Cas { key: any(), from: any(), to: any(), create_if_not_exists: false };
        let [stores, oracle] = ALL else { panic!("there are two groups") };
        let [read, write, compare_and_set] = stores.rpcs else { panic!("a store has three requests") };
        assert_fits(read, &Read { key: any() }, &ReadOk { value: any() });
        assert_fits(write, &Write { key: any(), value: any() }, &WriteOk {});
        assert_fits(compare_and_set, &cas, &CasOk {});
        assert_fits(&oracle.rpcs[0], &Ts {}, &TsOk { ts: 7 });
    }

    #[track_caller]
    fn assert_fits<A: Body, B: Body>(rpc: &Rpc, request: &A, reply: &B) {
        let body = |body: RawBody, id: &str| {
            let text = body.text().replacen('}', &format!(",\"{id}\":1}}"), 1);
            Value::from_json_body(&text).expect("a body is a JSON object")
        };
        let request = body(RawBody::of(request).expect("it can be written"), "msg_id");
        let Value::Map(entries) = &request else { panic!("a body is a map") };
        let keys: BTreeSet<String> =
            entries.iter().filter_map(|(key, _)| Some(key.as_keyword()?.to_owned())).collect();
        let fields = rpc.request.iter().map(|field| field.name.to_owned());
        let described: BTreeSet<String> = fields.chain(["type".into(), "msg_id".into()]).collect();
        assert_eq!((A::TYPE, keys), (rpc.name, described));
        rpc.check_reply(&body(RawBody::of(reply).expect("it can be written"), "in_reply_to"))
            .unwrap_or_else(|mismatch| panic!("{}: {mismatch}", rpc.name));
    }
}
