//! The words of the language, each with what it means: registers, mnemonics, helpers.
//!
//! Editors show these pages: inside of `ebpf! { … }` rust-analyzer takes each word of a program to
//! the constant of that name here, for hover, completion and the way to the definition.
//!
//! ```
//! use ebpf_asm::isa::Register;
//! use ebpf_asm::language::{helpers, registers};
//!
//! assert_eq!(registers::r10, Register::R10);
//! assert_eq!(helpers::bpf_get_current_pid_tgid, 14);
//! ```

pub mod helpers;
pub mod mnemonics;
pub mod registers;

/// A word that is an instruction or a part of one.
///
/// ```
/// use ebpf_asm::language::{Mnemonic, mnemonics};
///
/// // What an editor for text files completes:
/// let jumps: Vec<&str> = mnemonics::ALL
///     .iter()
///     .map(|word: &Mnemonic| word.as_str())
///     .filter(|word| word.contains("goto"))
///     .collect();
/// assert!(jumps.contains(&"may_goto"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mnemonic(&'static str);

impl Mnemonic {
    /// The word: `exit`.
    ///
    /// ```
    /// assert_eq!(ebpf_asm::language::mnemonics::exit.as_str(), "exit");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A place in a function that jumps can go to.
///
/// ```
/// use ebpf_asm::language::Label;
///
/// /// What the macros make of `done:` in an editor, so that jumps lead there.
/// #[allow(non_upper_case_globals)]
/// pub const done: Label = Label;
/// assert_eq!(done, Label);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label;

/// A function of an object.
///
/// ```
/// use ebpf_asm::language::Function;
///
/// /// What the macros make of `fn bump()` in an editor, so that calls lead there.
/// #[allow(non_upper_case_globals)]
/// pub const bump: Function = Function;
/// assert_eq!(bump, Function);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function;
