//! A shorter way to name the types of messages.

/// Names the `type` of each payload, and which payload answers which.
///
/// `"read" Read => "read_ok" ReadOk;` implements [`Body`](crate::Body) for both types and
/// [`Request`](crate::Request) for the first; `"gossip" Gossip;` implements `Body` alone, for a message that nobody
/// answers. Where one reply answers several requests, it is named with the first of them, or by itself; for the
/// others, `"subtract" Subtract => AddOk;` gives its type alone.
///
/// ```
/// use glomers_node::{Body, messages};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Add { delta: u64 }
/// #[derive(Serialize, Deserialize)]
/// struct Subtract { delta: u64 }
/// #[derive(Serialize, Deserialize)]
/// struct AddOk {}
/// #[derive(Serialize, Deserialize)]
/// struct Gossip { total: u64 }
///
/// messages! {
///     "add" Add => "add_ok" AddOk;
///     "subtract" Subtract => AddOk;
///     "gossip" Gossip;
/// }
/// assert_eq!(Add::TYPE, "add");
/// ```
#[macro_export]
macro_rules! messages {
    () => {};
    ($kind:literal $request:ty => $reply_kind:literal $reply:ty; $($rest:tt)*) => {
        $crate::messages! { $reply_kind $reply; $kind $request => $reply; $($rest)* }
    };
    ($kind:literal $request:ty => $reply:ty; $($rest:tt)*) => {
        impl $crate::Request for $request {
            type Reply = $reply;
        }
        $crate::messages! { $kind $request; $($rest)* }
    };
    ($kind:literal $body:ty; $($rest:tt)*) => {
        impl $crate::Body for $body {
            const TYPE: &'static str = $kind;
        }
        $crate::messages! { $($rest)* }
    };
}
