//! Transactions: what is asked for, and what comes back.

use glomers_node::{Json, RawValue, messages};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

messages! {
    /// Asks for a transaction. Answered with itself, completed.
    "txn" pub struct Txn {
        /// What to do, in order.
        pub txn: Vec<MicroOperation>,
    } =>
    /// Answers [`Txn`].
    #[derive(PartialEq)]
    "txn_ok" pub struct TxnOk {
        /// What was done, with the lists that were read.
        pub txn: Vec<MicroOperation>,
    };
}

/// A step of a transaction; on the wire `["r", key, list]` or `["append", key, element]`.
#[derive(Debug, Clone, PartialEq)]
pub enum MicroOperation {
    /// Reads a list.
    Read {
        /// Whose list.
        key: Json,
        /// What is in it; `None` in a request.
        list: Option<Vec<Json>>,
    },
    /// Adds an element to the end of a list.
    Append {
        /// Whose list.
        key: Json,
        /// What is added.
        element: Json,
    },
}

impl Serialize for MicroOperation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Read { key, list } => ("r", key, list).serialize(serializer),
            Self::Append { key, element } => ("append", key, element).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for MicroOperation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (f, key, argument) = <(String, Json, Box<RawValue>)>::deserialize(deserializer)?;
        match f.as_str() {
            "r" => {
                let list = serde_json::from_str(argument.get()).map_err(|_| {
                    de::Error::custom(format!(
                        "a read of {key} has null or a list as its third part, not {argument}"
                    ))
                })?;
                Ok(Self::Read { key, list })
            }
            "append" => Ok(Self::Append { key, element: Json::new(argument) }),
            _ => Err(de::Error::custom(format!(
                "a micro-operation is [\"r\", key, null] or [\"append\", key, element], not {f:?}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_kept(text: &str) {
        let operation: MicroOperation = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&operation).unwrap(), text);
    }

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let error = serde_json::from_str::<MicroOperation>(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn micro_operations_stay_as_they_are() {
        check_kept(r#"["r",1,null]"#);
        check_kept(r#"["r",{"a":1.0},[1,[],"x"]]"#);
        check_kept(r#"["append",null,18446744073709551616]"#);
        check_kept(r#"["append","k",null]"#);
    }

    #[test]
    fn what_is_no_micro_operation_is_explained() {
        check_refused(r#"["r",1,5]"#, "a read of 1 has null or a list as its third part, not 5");
        check_refused(r#"["w",1,5]"#, "not \"w\"");
        check_refused(r#"["r",1]"#, "invalid length 2");
    }
}
