//! The words that are instructions or parts of them. Moves, arithmetic, loads and stores have none:
//! they look like C.
//!
//! ```
//! use ebpf_asm::language::mnemonics;
//!
//! assert_eq!(mnemonics::exit.as_str(), "exit");
//! assert!(mnemonics::ALL.contains(&mnemonics::call));
//! ```
#![allow(
    non_upper_case_globals,
    reason = "they are named as they are written in programs"
)]

use super::Mnemonic;

macro_rules! mnemonics {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])* pub const $name: Mnemonic = Mnemonic(stringify!($name));)*

        /// Every word. `if` is one too, and no name in Rust.
        pub const ALL: &[Mnemonic] = &[$($name),*];
    };
}

mnemonics! {
    /// `r1 = addr_space_cast(r2, 0, 1)`: a pointer into an arena, for the program or for user space
    /// (Linux 6.9).
    addr_space_cast;
    /// `r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)`: adds in memory and gives back the old value, in
    /// one step (Linux 5.12).
    atomic_fetch_add;
    /// `r2 = atomic_fetch_and((u64 *)(r1 + 0), r2)`: `&=` in memory; gives back the old value, in one
    /// step (Linux 5.12).
    atomic_fetch_and;
    /// `r2 = atomic_fetch_or((u64 *)(r1 + 0), r2)`: `|=` in memory; gives back the old value, in one
    /// step (Linux 5.12).
    atomic_fetch_or;
    /// `r2 = atomic_fetch_xor((u64 *)(r1 + 0), r2)`: `^=` in memory; gives back the old value, in one
    /// step (Linux 5.12).
    atomic_fetch_xor;
    /// `r1 = be16 r1`: between the machine's byte order and big-endian, 16 bits; the rest becomes
    /// zero.
    be16;
    /// `r1 = be32 r1`: between the machine's byte order and big-endian, 32 bits; the rest becomes
    /// zero.
    be32;
    /// `r1 = be64 r1`: between the machine's byte order and big-endian.
    be64;
    /// `r1 = bswap16 r1`: swaps the lower two bytes; the rest becomes zero (Linux 6.6).
    bswap16;
    /// `r1 = bswap32 r1`: reverses the lower four bytes; the rest becomes zero (Linux 6.6).
    bswap32;
    /// `r1 = bswap64 r1`: reverses the eight bytes (Linux 6.6).
    bswap64;
    /// `call NAME`: calls a function of the object, a kernel function that it declares, or a helper.
    /// Arguments are in `r1` to `r5`, the result is in `r0`; `r1` to `r5` hold nothing afterwards.
    call;
    /// A call through a register: printed, and taken by no kernel.
    callx;
    /// `w0 = cmpxchg32_32(r1 + 0, w0, w2)`: stores `w2` if memory holds `w0`, and gives back in `w0`
    /// what it held, in one step (Linux 5.12).
    cmpxchg32_32;
    /// `r0 = cmpxchg_64(r1 + 0, r0, r2)`: stores `r2` if memory holds `r0`, and gives back in `r0` what
    /// it held, in one step (Linux 5.12).
    cmpxchg_64;
    /// `r1 = enumval(bpf_func_id.BPF_FUNC_loop)`: the number behind a name of an enumeration of the
    /// kernel, known when the object is loaded.
    enumval;
    /// `r1 = exists(task_struct.pid)`: 1 if the kernel has this type, member or value, else 0; known
    /// when the object is loaded.
    exists;
    /// Ends the function or the program; `r0` is the result.
    exit;
    /// `goto LABEL`: jumps, up to 32,767 slots; `if r1 > 5 goto LABEL` under a condition.
    goto;
    /// `gotol LABEL`: jumps anywhere in the function (Linux 6.6).
    gotol;
    /// `gotox r1`: jumps to an address from a table (Linux 6.19).
    gotox;
    /// `ld_pseudo r1, 1, 42`: a 64-bit load with its raw source and value, for tests.
    ld_pseudo;
    /// `r1 = le16 r1`: between the machine's byte order and little-endian, 16 bits; the rest becomes
    /// zero.
    le16;
    /// `r1 = le32 r1`: between the machine's byte order and little-endian, 32 bits; the rest becomes
    /// zero.
    le32;
    /// `r1 = le64 r1`: between the machine's byte order and little-endian.
    le64;
    /// `r1 = VALUE ll`: 64 bits in two slots: a constant, or the address of a map, a global, a
    /// function or a kernel variable.
    ll;
    /// `r1 = load_acquire((u64 *)(r2 + 0))`: a load that nothing behind it overtakes (Linux 6.15).
    load_acquire;
    /// `lock *(u64 *)(r1 + 0) += r2`: changes memory in one step, with `+=`, `&=`, `|=` or `^=`.
    lock;
    /// `may_goto LABEL`: goes on, and jumps when the kernel's budget for loops is used up (Linux 6.9).
    may_goto;
    /// `r1 = *(u32 *)(r2 + offsetof(task_struct.pid))`: bytes before a member of a type of the kernel,
    /// known when the object is loaded.
    offsetof;
    /// `r2 = sizeof(task_struct.comm)`: bytes of a type of the kernel or of a member, known when the
    /// object is loaded.
    sizeof;
    /// `r0 = *(u32 *)skb[4]`, `r0 = *(u16 *)skb[r2 + 4]`: loads from a packet in network byte order;
    /// beyond its end the program ends with 0. The context has to be in `r6`.
    skb;
    /// `store_release((u64 *)(r1 + 0), r2)`: a store that nothing before it is delayed beyond (Linux
    /// 6.15).
    store_release;
    /// `w2 = xchg32_32(r1 + 0, w2)`: exchanges a register with memory, in one step (Linux 5.12).
    xchg32_32;
    /// `r2 = xchg_64(r1 + 0, r2)`: exchanges a register with memory, in one step (Linux 5.12).
    xchg_64;
}

#[cfg(all(test, feature = "syntax"))]
mod tests {
    use super::*;
    use crate::language::registers;
    use crate::syntax::{MNEMONICS, is_register};
    use alloc::collections::BTreeSet;

    #[test]
    fn these_are_the_parser_s_words() {
        let here: BTreeSet<&str> = ALL.iter().map(|word| word.as_str()).collect();
        let there: BTreeSet<&str> = MNEMONICS.concat().into_iter().collect();
        let unnamed = BTreeSet::from(["if"]);
        assert_eq!(&here | &unnamed, &there | &BTreeSet::from(["ll", "skb"]));
        assert!(registers::ALL.iter().all(|word| is_register(word)));
        assert_eq!(registers::ALL.len(), 22);
    }

    #[test]
    fn helpers_have_their_numbers() {
        for helper in crate::helpers::ALL {
            let named = crate::language::helpers::ALL[helper.id as usize - 1];
            assert_eq!(named, (helper.name, helper.id));
        }
        assert_eq!(
            crate::language::helpers::ALL.len(),
            crate::helpers::ALL.len()
        );
    }
}
