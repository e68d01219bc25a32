//! Assembly of text at run time.

use crate::Code;
use crate::diag::{Diagnostics, Severity};
use crate::link::TextConstants;
use crate::syntax::{ParseOptions, lex, parse_sequence};
use alloc::vec::Vec;

/// How to read a text; the default is the strict dialect.
///
/// ```
/// use ebpf_asm::{AssembleOptions, assemble_with};
///
/// let options = AssembleOptions {
///     relaxed: true,
///     ..AssembleOptions::default()
/// };
/// let code = assemble_with("r1 = 0xffffffff", &options)?;
/// assert_eq!(code.insns()[0].imm(), -1);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AssembleOptions<'a> {
    /// Accept constants that only fit after wrapping, as LLVM does, for pasted code.
    pub relaxed: bool,
    /// Constants that the text can use by name, besides those that it defines itself.
    pub constants: &'a [(&'a str, i64)],
    /// What to call the text in messages: a file's path. `None` is `<text>`.
    pub name: Option<&'a str>,
}

/// Assembles a sequence of instructions.
///
/// Instructions end with `;` or with their line; comments are Rust's and `#`; `const NAME: u32
/// = …;` defines a constant; labels count as functions for `call`.
///
/// ```
/// let code = ebpf_asm::assemble(
///     "
///     const LIMIT: u32 = 64;
///         r0 = 0
///         r1 = *(u32 *)(r1 + 0)      # __sk_buff.len
///         if r1 < LIMIT goto drop
///         r0 = r1
///     drop:
///         exit
///     ",
/// )?;
/// assert_eq!(code.len(), 5);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
///
/// # Errors
/// Everything that is wrong with the text, each at its place.
pub fn assemble(source: &str) -> Result<Code, Diagnostics> {
    assemble_with(source, &AssembleOptions::default())
}

/// Assembles a sequence of instructions, read as the options say.
///
/// # Errors
/// Everything that is wrong with the text, each at its place.
pub fn assemble_with(source: &str, options: &AssembleOptions<'_>) -> Result<Code, Diagnostics> {
    let name = options.name.unwrap_or("<text>");
    let mut diagnostics = Vec::new();
    let tokens = lex(source, &mut diagnostics);
    let mut parsed = parse_sequence(
        &tokens,
        ParseOptions {
            relaxed: options.relaxed,
        },
    );
    diagnostics.append(&mut parsed.diagnostics);
    let mut constants = TextConstants::default();
    for &(name, value) in options.constants {
        constants.insert(name, value);
    }
    let linked = constants.link(&tokens, &parsed.tree, &mut diagnostics);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        // A label may be unused because of an error.
        diagnostics.retain(|d| d.severity == Severity::Error);
        return Err(Diagnostics::new(diagnostics, source, name));
    }
    let code = Code::from_vec(linked.insns).with_labels(linked.labels);
    Ok(code.with_warnings(Diagnostics::new(diagnostics, source, name)))
}
