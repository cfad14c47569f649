//! Names of things.

use std::fmt;
use std::sync::Arc;

/// The identifier of a background session: not empty, unique within the app, the same over every launch.
///
/// Any other text is allowed and is kept as it is, byte for byte: identifiers that differ only in case, or of which
/// one begins with the other, name different sessions. Source: `background(withIdentifier:)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub struct SessionId(Arc<str>);

/// A session identifier was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session identifier must not be empty")]
#[non_exhaustive]
pub struct EmptyIdentifier;

impl SessionId {
    /// The session called `identifier`.
    ///
    /// # Errors
    ///
    /// [`EmptyIdentifier`] if there is nothing in it.
    pub fn new(identifier: impl Into<Arc<str>>) -> Result<Self, EmptyIdentifier> {
        let identifier = identifier.into();
        if identifier.is_empty() { Err(EmptyIdentifier) } else { Ok(Self(identifier)) }
    }

    /// The identifier itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SessionId {
    type Error = EmptyIdentifier;

    fn try_from(identifier: String) -> Result<Self, EmptyIdentifier> {
        Self::new(identifier)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
        pub struct $name(u64);

        impl $name {
            /// The one with this number.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// Its number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

number! {
    /// A transfer's `taskIdentifier`: unique within its session, and only there.
    TransferId, "t"
}
number! {
    /// The identity of a refresh task: never used twice by one [`TaskMint`](super::TaskMint).
    RefreshTaskId, "#"
}

/// What the app hands over when it schedules a wake, and gets back with the refresh task. The system never looks in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "String", into = "String"))]
pub struct UserInfo(Arc<str>);

impl UserInfo {
    /// Wraps a value of the app's.
    #[must_use]
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self(value.into())
    }

    /// The value as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for UserInfo {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl From<UserInfo> for String {
    fn from(info: UserInfo) -> Self {
        info.0.as_ref().to_owned()
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_kept_byte_for_byte_and_never_empty() {
        assert_eq!(SessionId::new("").unwrap_err(), EmptyIdentifier);
        let odd = "Ünïcode ☕ with spaces ";
        assert_eq!(SessionId::new(odd).unwrap().as_str(), odd);
        assert_ne!(SessionId::new("a").unwrap(), SessionId::new("A").unwrap());
    }
}
