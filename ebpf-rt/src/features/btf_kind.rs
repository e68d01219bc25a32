//! Kinds of types in BTF: each in the smallest BTF that has it.

use super::ask;
use crate::{Errno, Error};
use ebpf_asm::ProgramType;

pub use ebpf_asm::btf::Kind as BtfKind;

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
fn types(kind: BtfKind) -> Option<Vec<u32>> {
    let one = |name, length, size_or_type| vec![name, info(kind, length), size_or_type];
    let with = |mut words: Vec<u32>, more: &[u32]| {
        words.extend_from_slice(more);
        words
    };
    Some(match kind {
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
        // The list is the other crate's; a test asks for all of it.
        _ => return None,
    })
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
    let Some(types) = types(kind) else {
        return Err(Error::invalid(format!(
            "nobody knows how to ask for {kind:?}"
        )));
    };
    match ask::load_btf(&encode(&types)) {
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
