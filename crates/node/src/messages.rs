//! A short way to declare the types of messages.

/// Declares the payloads of messages, names their `type`s, and says which payload answers which.
///
/// ```
/// use glomers_node::{Body, messages};
///
/// messages! {
///     /// Raises the counter.
///     "add" pub struct Add { delta: u64 } =>
///     /// Answers [`Add`] and [`Subtract`].
///     "add_ok" pub struct AddOk {};
///
///     /// Lowers the counter. Its reply is declared above.
///     "subtract" pub struct Subtract { delta: u64 } => AddOk;
///
///     /// A message without a reply.
///     #[derive(PartialEq)]
///     "gossip" struct Gossip { #[serde(default)] total: u64 };
/// }
/// assert_eq!((Add::TYPE, Gossip { total: 1 }), ("add", Gossip { total: 1 }));
/// ```
///
/// Each payload implements [`Body`](crate::Body), and a request [`Request`](crate::Request). The structs derive `Debug`, `Clone`,
/// serde's `Serialize` and `Deserialize`, and whatever else stands before them. Fields take serde's attributes; the crate needs no
/// dependency on serde for that.
///
/// A type that is declared elsewhere, such as an enum or a struct with parameters, is named instead:
///
/// ```
/// # use glomers_node::messages;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// #[serde(untagged)]
/// enum Lookup { ByName { name: String }, ById { id: u64 } }
/// #[derive(Serialize, Deserialize)]
/// struct Found { name: String, id: u64 }
///
/// messages! { "lookup" Lookup => "found" Found; }
/// ```
#[macro_export]
macro_rules! messages {
    () => {};
    (
        $(#[$attribute:meta])* $kind:literal $vis:vis struct $name:ident { $($fields:tt)* } =>
        $(#[$reply_attribute:meta])* $reply_kind:literal $reply_vis:vis struct $reply:ident { $($reply_fields:tt)* };
        $($rest:tt)*
    ) => {
        $crate::messages! { @declare [$(#[$attribute])*] $kind [$vis] $name { $($fields)* } }
        $crate::messages! { @declare [$(#[$reply_attribute])*] $reply_kind [$reply_vis] $reply { $($reply_fields)* } }
        impl $crate::Request for $name {
            type Reply = $reply;
        }
        $crate::messages! { $($rest)* }
    };
    (
        $(#[$attribute:meta])* $kind:literal $vis:vis struct $name:ident { $($fields:tt)* } => $reply:ty;
        $($rest:tt)*
    ) => {
        $crate::messages! { @declare [$(#[$attribute])*] $kind [$vis] $name { $($fields)* } }
        impl $crate::Request for $name {
            type Reply = $reply;
        }
        $crate::messages! { $($rest)* }
    };
    ($(#[$attribute:meta])* $kind:literal $vis:vis struct $name:ident { $($fields:tt)* }; $($rest:tt)*) => {
        $crate::messages! { @declare [$(#[$attribute])*] $kind [$vis] $name { $($fields)* } }
        $crate::messages! { $($rest)* }
    };
    (@declare [$($attributes:tt)*] $kind:literal [$vis:vis] $name:ident { $($fields:tt)* }) => {
        $($attributes)*
        #[derive(Debug, Clone, $crate::serde::Serialize, $crate::serde::Deserialize)]
        #[serde(crate = "glomers_node::serde")]
        $vis struct $name { $($fields)* }

        impl $crate::Body for $name {
            const TYPE: &'static str = $kind;
        }
    };
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
