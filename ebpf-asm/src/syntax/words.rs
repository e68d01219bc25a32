//! The words that the language keeps for itself.

use crate::isa::{AtomicOp, EndianOp, EndianSize, Register, SignedSize, Size, Width};

/// What a word looks like when it is meant as a register.
pub(super) enum RegisterWord {
    /// `r3`, `w3`.
    Register(Register, Width),
    /// `r11`, `w42`: a number that the machine does not have.
    OutOfRange,
    /// `R3`, `W3`.
    UpperCase(Register, Width),
}

/// Reads a word as a register; `None` if it does not look like one.
pub(super) fn register(word: &str) -> Option<RegisterWord> {
    let (letter, digits) = word.split_at_checked(1)?;
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let width = match letter {
        "r" | "R" => Width::W64,
        "w" | "W" => Width::W32,
        _ => return None,
    };
    let canonical = digits == "0" || !digits.starts_with('0');
    let register = digits.parse().ok().and_then(Register::from_index);
    Some(match register {
        Some(register) if canonical => {
            if letter.bytes().all(|b| b.is_ascii_lowercase()) {
                RegisterWord::Register(register, width)
            } else {
                RegisterWord::UpperCase(register, width)
            }
        }
        _ => RegisterWord::OutOfRange,
    })
}

/// Whether a word looks like a register, existing or not.
#[cfg(any(feature = "text", test))]
pub(crate) fn is_register(word: &str) -> bool {
    register(word).is_some()
}

/// `u8`, `u16`, `u32`, `u64`.
pub(super) fn size(word: &str) -> Option<Size> {
    Size::ALL.iter().copied().find(|size| size.symbol() == word)
}

/// `s8`, `s16`, `s32`.
pub(super) fn signed_size(word: &str) -> Option<SignedSize> {
    SignedSize::ALL
        .iter()
        .copied()
        .find(|size| size.symbol() == word)
}

/// `le16` to `bswap64`.
pub(super) fn endian(word: &str) -> Option<(EndianOp, EndianSize)> {
    let (op, bits) = EndianOp::ALL
        .iter()
        .find_map(|&op| Some((op, word.strip_prefix(op.symbol())?)))?;
    let size = EndianSize::ALL
        .iter()
        .copied()
        .find(|size| size.symbol() == bits)?;
    Some((op, size))
}

/// The shape of an atomic operation that returns a value.
pub(super) struct AtomicWord {
    pub(super) op: AtomicOp,
    /// The width that the word itself says; `atomic_fetch_add` leaves it to the cast.
    pub(super) width: Option<Width>,
    /// Whether the address is cast: `(u64 *)(r1 + 8)`, or not: `r1 + 8`.
    pub(super) cast: bool,
    /// Whether it is the kernel's spelling, which writes `r` for 32-bit operands as well.
    pub(super) kernel: bool,
}

/// LLVM's `atomic_fetch_add`, `xchg_64`, `cmpxchg32_32` and the kernel's `atomic64_fetch_add`,
/// `atomic_xchg`, `atomic64_cmpxchg` and so on.
pub(super) fn atomic(word: &str) -> Option<AtomicWord> {
    use Width::{W32, W64};
    let llvm = |op, width| AtomicWord {
        op,
        width: Some(width),
        cast: false,
        kernel: false,
    };
    match word {
        "xchg_64" => return Some(llvm(AtomicOp::Xchg, W64)),
        "xchg32_32" => return Some(llvm(AtomicOp::Xchg, W32)),
        "cmpxchg_64" => return Some(llvm(AtomicOp::CmpXchg, W64)),
        "cmpxchg32_32" => return Some(llvm(AtomicOp::CmpXchg, W32)),
        _ => {}
    }
    let (name, wide) = match word.strip_prefix("atomic64_") {
        Some(name) => (name, true),
        None => (word.strip_prefix("atomic_")?, false),
    };
    let op = AtomicOp::ALL
        .iter()
        .copied()
        .find(|op| op.fetches() && op.name() == name)?;
    // `atomic_fetch_add` serves LLVM for both widths and the kernel for 32 bits;
    // `atomic_xchg` is the kernel's and 32 bits.
    let shared = matches!(
        op,
        AtomicOp::FetchAdd | AtomicOp::FetchOr | AtomicOp::FetchAnd | AtomicOp::FetchXor
    );
    let width = match (wide, shared) {
        (true, _) => Some(W64),
        (false, true) => None,
        (false, false) => Some(W32),
    };
    Some(AtomicWord {
        op,
        width,
        cast: true,
        kernel: true,
    })
}

/// The words that begin an instruction.
pub(super) const STATEMENTS: &[&str] = &[
    "call",
    "callx",
    "exit",
    "goto",
    "gotol",
    "gotox",
    "if",
    "ld_pseudo",
    "lock",
    "may_goto",
    "store_release",
];

/// The words that begin the right-hand side of an assignment.
pub(super) const VALUES: &[&str] = &[
    "addr_space_cast",
    "atomic_fetch_add",
    "atomic_fetch_and",
    "atomic_fetch_or",
    "atomic_fetch_xor",
    "be16",
    "be32",
    "be64",
    "bswap16",
    "bswap32",
    "bswap64",
    "cmpxchg32_32",
    "cmpxchg_64",
    "le16",
    "le32",
    "le64",
    "load_acquire",
    "xchg32_32",
    "xchg_64",
];

/// The words that are instructions or parts of them.
#[cfg(test)]
pub(crate) const MNEMONICS: [&[&str]; 3] = [STATEMENTS, VALUES, FACTS];

/// The words that ask the kernel about its types, if a parenthesis follows: alone they are names
/// like any other.
pub(super) const FACTS: &[&str] = &["enumval", "exists", "offsetof", "sizeof"];

/// Whether a word belongs to the language and cannot name an item or a constant operand.
pub(super) fn is_reserved(word: &str) -> bool {
    register(word).is_some()
        || size(word).is_some()
        || signed_size(word).is_some()
        || matches!(word, "ll" | "skb" | "pc")
        || STATEMENTS.contains(&word)
        || VALUES.contains(&word)
        || atomic(word).is_some()
}
