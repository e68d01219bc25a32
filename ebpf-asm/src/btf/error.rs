//! What can be wrong with BTF, or with a question about it.

use super::{Kind, TypeId};
use alloc::string::String;
use core::fmt;

/// Why BTF could not be read, or what it does not have.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, Error, Kind};
///
/// let bytes = Builder::new().finish();
/// let btf = Btf::parse(bytes)?;
/// let error = btf.find("task_struct", Kind::Struct).unwrap_err();
/// assert!(error.is_not_found());                  // the BTF itself is sound
/// assert!(!Btf::parse(&b"ELF"[..]).unwrap_err().is_not_found());
/// println!("{error}");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The header does not describe what follows it.
    Header(&'static str),
    /// A type is cut off, or says something impossible.
    Corrupt {
        /// The type.
        id: TypeId,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A type is of a kind that this version of the crate does not know: what follows it cannot
    /// be found.
    UnknownKind {
        /// The type.
        id: TypeId,
        /// The number of its kind.
        kind: u32,
    },
    /// A name lies outside of the strings, or is no text.
    BadName {
        /// Where it should be.
        offset: u32,
    },
    /// There is no type of this number.
    NoSuchType {
        /// The number.
        id: TypeId,
        /// The first number that is too large.
        end: u32,
    },
    /// Types refer to each other without end.
    Endless(TypeId),
    /// A type is larger than 64 bits can count.
    TooLarge(TypeId),
    /// No type of this kind has this name.
    NotFound {
        /// The kind that was looked for.
        kind: Kind,
        /// The name.
        name: String,
    },
    /// A type is of another kind than the question needs.
    WrongKind {
        /// What the type is, as C spells it.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A struct or union has no such member.
    NoMember {
        /// The struct or union, as C spells it.
        of: String,
        /// The member's name.
        member: String,
    },
    /// A path of members is not one place in memory: it goes through a pointer.
    ThroughPointer {
        /// The path up to the pointer.
        path: String,
        /// What the pointer points to, as C spells it.
        to: String,
    },
    /// An index of a path is not in its array.
    OutOfBounds {
        /// The path up to the array.
        path: String,
        /// The elements that the array has.
        length: u32,
    },
    /// A path is not written as `member.member[0].member`.
    BadPath(String),
    /// An enumeration has no such name.
    NoEnumValue {
        /// The enumeration, as C spells it.
        of: String,
        /// The name that was looked for.
        value: String,
    },
}

impl Error {
    /// Whether the BTF itself is sound, and only lacks what was asked for.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. } | Self::NoMember { .. } | Self::NoEnumValue { .. }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(reason) => write!(f, "this is not BTF: {reason}"),
            Self::Corrupt { id, reason } => write!(f, "type {id} of the BTF is corrupt: {reason}"),
            Self::UnknownKind { id, kind } => write!(
                f,
                "type {id} of the BTF is of kind {kind}, which is newer than this crate knows"
            ),
            Self::BadName { offset } => {
                write!(f, "the BTF has no name at offset {offset} of its strings")
            }
            Self::NoSuchType { id, end } => {
                write!(f, "the BTF has no type {id}: its numbers end before {end}")
            }
            Self::Endless(id) => write!(f, "type {id} of the BTF refers to itself without end"),
            Self::TooLarge(id) => write!(f, "type {id} of the BTF is larger than any memory"),
            Self::NotFound { kind, name } => write!(f, "there is no {kind} named `{name}`"),
            Self::WrongKind { found, wanted } => write!(f, "`{found}` is not {wanted}"),
            Self::NoMember { of, member } => write!(f, "`{of}` has no member `{member}`"),
            Self::ThroughPointer { path, to } => write!(
                f,
                "`{path}` is a pointer (to `{to}`): what is behind it has to be loaded first"
            ),
            Self::OutOfBounds { path, length } => {
                write!(f, "`{path}` has {length} elements")
            }
            Self::BadPath(path) => write!(f, "`{path}` is not a path of members"),
            Self::NoEnumValue { of, value } => write!(f, "`{of}` has no value `{value}`"),
        }
    }
}

impl core::error::Error for Error {}
