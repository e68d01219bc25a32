//! The registers: `r0` to `r10` have 64 bits, `w0` to `w10` are their lower halves.
//!
//! ```
//! use ebpf_asm::isa::Register;
//! use ebpf_asm::language::registers;
//!
//! assert_eq!((registers::r3, registers::w3), (Register::R3, Register::R3));
//! assert_eq!(registers::ALL.len(), 22);
//! ```
#![allow(
    non_upper_case_globals,
    reason = "they are named as they are written in programs"
)]

use crate::isa::Register;

macro_rules! registers {
    ($($(#[$doc:meta])* $wide:ident $narrow:ident $register:ident;)*) => {
        $(
            $(#[$doc])*
            pub const $wide: Register = Register::$register;

            $(#[$doc])*
            ///
            /// These are its lower 32 bits; writing them makes the upper half zero.
            pub const $narrow: Register = Register::$register;
        )*

        /// Every name of a register.
        pub const ALL: &[&str] = &[$(stringify!($wide), stringify!($narrow)),*];
    };
}

registers! {
    /// What a call gives back and what the program or function gives back with `exit`. Not kept over
    /// calls.
    r0 w0 R0;
    /// The first argument: of a program its context. Not kept over calls.
    r1 w1 R1;
    /// The second argument. Not kept over calls.
    r2 w2 R2;
    /// The third argument. Not kept over calls.
    r3 w3 R3;
    /// The fourth argument. Not kept over calls.
    r4 w4 R4;
    /// The fifth argument. Not kept over calls.
    r5 w5 R5;
    /// Kept over calls.
    r6 w6 R6;
    /// Kept over calls.
    r7 w7 R7;
    /// Kept over calls.
    r8 w8 R8;
    /// Kept over calls.
    r9 w9 R9;
    /// The frame pointer: the 512 bytes below it are the stack. It cannot be written.
    r10 w10 R10;
}
