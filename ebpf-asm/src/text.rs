//! Assembly of text at run time.

use crate::Code;
use crate::diag::{Diagnostic, Diagnostics, Severity, Span};
use crate::link::{Linked, link_sequence};
use crate::syntax::ast::{OperandValue, Sequence, TokenRange};
use crate::syntax::{
    ConstantValue, ParseOptions, TokenList, evaluate, lex, parse_sequence, unknown_constant,
};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
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
    let mut constants = BTreeMap::new();
    for &(name, value) in options.constants {
        let value = ConstantValue {
            value: i128::from(value),
            span: Span::default(),
        };
        constants.insert(String::from(name), value);
    }
    let linked = assemble_tree(&tokens, &parsed.tree, constants, &mut diagnostics);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        // A label may be unused because of an error.
        diagnostics.retain(|d| d.severity == Severity::Error);
        return Err(Diagnostics::new(diagnostics, source, name));
    }
    let code = Code::from_vec(linked.insns).with_labels(linked.labels);
    Ok(code.with_warnings(Diagnostics::new(diagnostics, source, name)))
}

/// Links a sequence of a text and fills in its constants.
pub(crate) fn assemble_tree(
    tokens: &TokenList,
    tree: &Sequence,
    mut constants: BTreeMap<String, ConstantValue>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Linked {
    // Constants without a value, which has been reported: so are those made of them.
    let mut failed: BTreeSet<&str> = BTreeSet::new();
    let mentions = |range: TokenRange, failed: &BTreeSet<&str>| {
        !failed.is_empty() && (range.start..range.end).any(|at| failed.contains(tokens.text_at(at)))
    };
    for constant in &tree.constants {
        let Some(range) = constant.value.filter(|&range| !mentions(range, &failed)) else {
            failed.insert(&constant.name.text);
            continue;
        };
        match evaluate(tokens, range, &constants) {
            Ok(value) => {
                let span = constant.name.span;
                let value = ConstantValue { value, span };
                constants.insert(constant.name.text.clone(), value);
            }
            Err(error) => {
                failed.insert(&constant.name.text);
                diagnostics.push(error);
            }
        }
    }
    // Names are looked up here, so the linker leaves them open.
    let mut linked = link_sequence(tree, true);
    diagnostics.append(&mut linked.diagnostics);
    for patch in core::mem::take(&mut linked.patches) {
        let value = match &patch.value {
            OperandValue::Expression(range) if mentions(*range, &failed) => continue,
            OperandValue::Name(name) if failed.contains(name.text.as_str()) => continue,
            OperandValue::Expression(range) => evaluate(tokens, *range, &constants),
            OperandValue::Name(name) => match constants.get(&name.text) {
                Some(constant) => Ok(constant.value),
                None => Err(unknown_constant(&name.text, name.span, &constants)),
            },
        };
        let result = value.and_then(|value| {
            let value = if patch.negated { -value } else { value };
            patch
                .field
                .put(&mut linked.insns, patch.insn as usize, value)
                .map_err(|_| crate::syntax::misfit(patch.field, value, patch.span))
        });
        if let Err(error) = result {
            diagnostics.push(error);
        }
    }
    linked
}
