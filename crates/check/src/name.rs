//! Short names that are copied often: the kind of an operation, a keyword, a tag.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// A short name such as `read` or `echo`, without the colon that EDN puts in front of a keyword.
///
/// Names of up to 24 bytes are stored in place, so that cloning one costs no allocation: every operation
/// carries one.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(CompactString);

impl Name {
    /// A name made of this text. Any text is accepted; see [`Name::is_plain`] for what EDN can write.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(CompactString::new(text))
    }

    /// A name known when the program was compiled. It costs neither an allocation nor a copy.
    pub const fn from_static(text: &'static str) -> Self {
        Self(CompactString::const_new(text))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether EDN can write this text as a keyword and read the same keyword back: no blanks, brackets, quotes
    /// or other delimiters. Names that a node chose may be anything.
    ///
    /// ```
    /// use glomers_check::Name;
    /// assert!(Name::is_plain("in_reply_to"));
    /// assert!(!Name::is_plain("two words"));
    /// ```
    pub fn is_plain(text: &str) -> bool {
        let plain = |character: char| {
            character.is_alphanumeric()
                || matches!(
                    character,
                    '.' | '*' | '+' | '!' | '-' | '_' | '?' | '$' | '%' | '&' | '=' | '<' | '>' | '\'' | '#'
                )
        };
        match text.split_once('/') {
            None => !text.is_empty() && text.chars().all(plain),
            Some((namespace, name)) => {
                [namespace, name].iter().all(|part| !part.is_empty() && part.chars().all(plain))
            }
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(CompactString::from(text))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.as_str())
    }
}
