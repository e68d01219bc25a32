//! Kinds of types in BTF: each in the smallest BTF that has it.

use super::ask;
use crate::{Errno, Error};
use ebpf_asm::{KernelVersion, ProgramType};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, ($major:literal, $minor:literal);)*) => {
        /// A kind of type in BTF, with the kernel's number.
        ///
        /// ```
        /// use ebpf_rt::KernelVersion;
        /// use ebpf_rt::features::BtfKind;
        ///
        /// assert_eq!(BtfKind::Enum64.as_raw(), 19);
        /// assert_eq!(BtfKind::Enum64.since(), KernelVersion::new(6, 0));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum BtfKind {
            $($(#[$doc])* $name = $number,)*
        }

        impl BtfKind {
            /// Every kind, in the kernel's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The first kernel that takes it from user space.
            #[must_use]
            pub const fn since(self) -> KernelVersion {
                match self {
                    $(Self::$name => KernelVersion::new($major, $minor),)*
                }
            }
        }
    };
}

kinds! {
    /// An integer.
    Int = 1, (4, 18);
    /// A pointer.
    Ptr = 2, (4, 18);
    /// An array.
    Array = 3, (4, 18);
    /// A struct.
    Struct = 4, (4, 18);
    /// A union.
    Union = 5, (4, 18);
    /// An enumeration of 32-bit numbers.
    Enum = 6, (4, 18);
    /// A struct or union that is declared only.
    Fwd = 7, (4, 18);
    /// Another name for a type.
    Typedef = 8, (4, 18);
    /// `volatile`.
    Volatile = 9, (4, 18);
    /// `const`.
    Const = 10, (4, 18);
    /// `restrict`.
    Restrict = 11, (4, 18);
    /// A function.
    Func = 12, (5, 0);
    /// The parameters and result of a function.
    FuncProto = 13, (5, 0);
    /// A variable.
    Var = 14, (5, 2);
    /// A section of variables.
    Datasec = 15, (5, 2);
    /// A floating-point number.
    Float = 16, (5, 13);
    /// A note on a declaration.
    DeclTag = 17, (5, 16);
    /// A note on a type.
    TypeTag = 18, (5, 17);
    /// An enumeration of 64-bit numbers.
    Enum64 = 19, (6, 0);
}

impl BtfKind {
    /// The kernel's number.
    #[must_use]
    pub const fn as_raw(self) -> u32 {
        self as u32
    }
}

/// The names that types here have: none, and `x`.
const STRINGS: &[u8] = b"\0x\0";
const NO_NAME: u32 = 0;
const X: u32 = 1;

/// A 32-bit integer, signed.
const INT: [u32; 4] = [X, info(BtfKind::Int, 0), 4, 1 << 24 | 32];

const fn info(kind: BtfKind, length: u32) -> u32 {
    (kind as u32) << 24 | length
}

/// Types after the integer, which is number 1: the one of this kind, and what it needs.
fn types(kind: BtfKind) -> Vec<u32> {
    let one = |name, length, size_or_type| vec![name, info(kind, length), size_or_type];
    let with = |mut words: Vec<u32>, more: &[u32]| {
        words.extend_from_slice(more);
        words
    };
    match kind {
        BtfKind::Int => vec![],
        // Of the integer.
        BtfKind::Ptr | BtfKind::Volatile | BtfKind::Const | BtfKind::Restrict => one(NO_NAME, 0, 1),
        BtfKind::Typedef | BtfKind::TypeTag => one(X, 0, 1),
        // Element, index, length.
        BtfKind::Array => with(one(NO_NAME, 0, 0), &[1, 1, 2]),
        // A member: name, type, offset.
        BtfKind::Struct | BtfKind::Union => with(one(NO_NAME, 1, 4), &[X, 1, 0]),
        // A name and a number.
        BtfKind::Enum => with(one(NO_NAME, 1, 4), &[X, 0]),
        BtfKind::Enum64 => with(one(NO_NAME, 1, 8), &[X, 0, 0]),
        BtfKind::Fwd => one(X, 0, 0),
        BtfKind::FuncProto => one(NO_NAME, 0, 0),
        // Of the prototype before it.
        BtfKind::Func => with(vec![NO_NAME, info(BtfKind::FuncProto, 0), 0], &one(X, 0, 2)),
        // Static.
        BtfKind::Var => with(one(X, 0, 1), &[0]),
        // With the variable before it: type, offset, size.
        BtfKind::Datasec => {
            let variable = vec![X, info(BtfKind::Var, 0), 1, 0];
            with(with(variable, &one(X, 1, 4)), &[2, 0, 4])
        }
        BtfKind::Float => one(X, 0, 4),
        // Of the typedef before it, as a whole.
        BtfKind::DeclTag => {
            let typedef = vec![X, info(BtfKind::Typedef, 0), 1];
            with(with(typedef, &one(X, 0, 2)), &[u32::MAX])
        }
    }
}

/// BTF in the byte order of this machine: header, the integer, the types, the names.
fn encode(types: &[u32]) -> Vec<u8> {
    const MAGIC_AND_VERSION: [u8; 4] = {
        let magic = 0xeb9fu16.to_ne_bytes();
        [magic[0], magic[1], 1, 0]
    };
    let length = 4 * (INT.len() + types.len()) as u32;
    let mut bytes = MAGIC_AND_VERSION.to_vec();
    // Length of the header; offset and length of the types, of the strings.
    let header = [24, 0, length, length, STRINGS.len() as u32];
    let words = header.iter().chain(&INT).chain(types);
    bytes.extend(words.flat_map(|word| word.to_ne_bytes()));
    bytes.extend_from_slice(STRINGS);
    bytes
}

/// BTF whose type 1 is a 32-bit integer.
pub(super) fn integer() -> Vec<u8> {
    encode(&[])
}

/// What kernels say of a kind that they do not know; the second where they expect its number
/// in four bits, before Linux 5.13.
const UNKNOWN: [&str; 2] = ["Invalid kind", "Invalid btf_info"];

pub(super) fn ask(kind: BtfKind) -> Result<bool, Error> {
    match ask::load_btf(&encode(&types(kind))) {
        Ok(_) => Ok(true),
        Err(refusal) if refusal.errno == Errno::EINVAL && refusal.says(&UNKNOWN) => Ok(false),
        // The kernel has no BTF at all.
        Err(refusal) if refusal.is_wordless() => Ok(false),
        Err(refusal) => {
            let asked = format!("BTF with {kind:?}");
            Err(refusal.unexpected(&asked, "BPF_BTF_LOAD", ProgramType::SocketFilter))
        }
    }
}
