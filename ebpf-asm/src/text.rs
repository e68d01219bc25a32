//! Assembly of text at run time.

use crate::Code;
use crate::diag::{Diagnostic, Diagnostics, Severity, Span};
use crate::link::{Linked, TextConstants};
use crate::syntax::ast::Sequence;
use crate::syntax::{ParseOptions, TokenList, lex, lex_piece, parse_sequence};
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
/// ```
/// use ebpf_asm::{AssembleOptions, assemble_with};
///
/// /// A filter from a configuration: the text knows the number by name.
/// fn filter(limit: i64) -> Result<ebpf_asm::Code, ebpf_asm::Diagnostics> {
///     let options = AssembleOptions {
///         constants: &[("LIMIT", limit)],
///         name: Some("filter.s"),
///         ..AssembleOptions::default()
///     };
///     assemble_with("r0 = LIMIT; exit", &options)
/// }
///
/// assert_eq!(filter(64)?.insns()[0].imm(), 64);
/// assert!(filter(1 << 40).is_err());              // it does not fit
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
///
/// # Errors
/// Everything that is wrong with the text, each at its place.
pub fn assemble_with(source: &str, options: &AssembleOptions<'_>) -> Result<Code, Diagnostics> {
    let (linked, warnings) = link(source, options)?;
    let code = Code::from_vec(linked.insns).with_labels(linked.labels);
    Ok(code.with_warnings(warnings))
}

/// What the kernel would refuse in a text that is a whole program, each finding at its line; or
/// what is wrong with the text. Without errors, warnings say what some kernels are
/// [predicted](crate::check::predict) to refuse. `describe` says what is known of the program: its
/// type, its licence, its oldest kernel.
///
/// ```
/// use ebpf_asm::{AssembleOptions, ProgramType, check_text};
///
/// let options = AssembleOptions::default();
/// let diagnostics = check_text("r0 = r2\nexit\n", &options, |program| {
///     program.program_type = Some(ProgramType::SocketFilter);
/// });
/// assert_eq!(diagnostics.as_slice()[0].code, "BPF0110");
/// assert_eq!(diagnostics.as_slice()[0].span.line, 1);
/// ```
#[cfg(feature = "check")]
#[must_use]
pub fn check_text(
    source: &str,
    options: &AssembleOptions<'_>,
    describe: impl FnOnce(&mut crate::check::Program<'_>),
) -> Diagnostics {
    let (linked, _) = match link(source, options) {
        Ok(linked) => linked,
        Err(diagnostics) => return diagnostics,
    };
    let mut program = crate::check::Program::from_linked(&linked, true);
    describe(&mut program);
    let span = |slot| linked.spans.get(slot as usize).copied().unwrap_or_default();
    let mut findings = crate::check::check(&program);
    // Of maps nothing is known here.
    findings.retain(|finding| finding.assumptions.is_empty());
    crate::check::suggest(&program, &mut findings);
    if findings.is_empty() {
        findings = crate::check::predict(&program);
    }
    let findings = findings
        .iter()
        .map(|finding| finding.to_diagnostic(None, span))
        .collect();
    Diagnostics::new(findings, source, options.name.unwrap_or("<text>"))
}

/// The slots of a text, and what is odd about it.
fn link(source: &str, options: &AssembleOptions<'_>) -> Result<(Linked, Diagnostics), Diagnostics> {
    let name = options.name.unwrap_or("<text>");
    let mut diagnostics = Vec::new();
    let parse_options = ParseOptions {
        relaxed: options.relaxed,
    };
    let (tokens, tree) = parse(source, parse_options, &mut diagnostics);
    let mut constants = TextConstants::default();
    for &(name, value) in options.constants {
        constants.insert(name, value);
    }
    let linked = constants.link(&tokens, &tree, &mut diagnostics);
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        // A label may be unused because of an error.
        diagnostics.retain(|d| d.severity == Severity::Error);
        return Err(Diagnostics::new(diagnostics, source, name));
    }
    Ok((linked, Diagnostics::new(diagnostics, source, name)))
}

/// Long texts are read in parts of about this many bytes.
const PART: usize = 1 << 18;

/// Reads a text. The tokens are those that the tree refers to.
///
/// Of a long text without constants, expressions, quotes and long comments, no token is needed
/// once its line is parsed. Such a text is read in parts: a token takes several times the
/// memory of its text, and a program of a million lines has many.
fn parse(
    source: &str,
    options: ParseOptions,
    diagnostics: &mut Vec<Diagnostic>,
) -> (TokenList, Sequence) {
    let plain = || {
        let special = |byte: u8| matches!(byte, b'{' | b'}' | b'"' | b'\'');
        !source.bytes().any(special)
            && !source.contains("const")
            && !source.contains("/*")
            && !source.contains("#!")
    };
    if source.len() <= 2 * PART || u32::try_from(source.len()).is_err() || !plain() {
        let tokens = lex(source, diagnostics);
        let mut parsed = parse_sequence(&tokens, options);
        diagnostics.append(&mut parsed.diagnostics);
        return (tokens, parsed.tree);
    }
    let mut tree = Sequence::default();
    let mut at = Span {
        line: 1,
        column: 1,
        ..Span::default()
    };
    loop {
        let start = at.start as usize;
        // The first end of a line behind the part.
        let rest = source.as_bytes().get(start + PART..).unwrap_or(&[]);
        let line_end = rest.iter().position(|&byte| byte == b'\n');
        let end = line_end.map_or(source.len(), |length| start + PART + length + 1);
        let mut tokens = TokenList::of_part(&source[start..end], at.start);
        at = lex_piece(source, at, end, &mut tokens, diagnostics);
        tokens.finish(at);
        let mut part = parse_sequence(&tokens, options);
        diagnostics.append(&mut part.diagnostics);
        tree.statements.append(&mut part.tree.statements);
        tree.incomplete |= part.tree.incomplete;
        tree.end = part.tree.end;
        if end == source.len() {
            return (tokens, tree);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PART, assemble};
    use alloc::format;
    use alloc::string::String;

    /// A text of several parts, with something on every line that depends on its place.
    fn long_text(mistakes: bool) -> String {
        let mut text = String::from("\u{feff}top: r0 = 0\r\n");
        for i in 0..40_000 {
            text += &format!("\tr1 = {i}; goto l{i} # \u{e9}\nl{i}:\n");
            if mistakes && i % 1000 == 0 {
                text += "  r1 = 5ll; r11 = 0\n\u{e9}(\n";
            }
        }
        text + "exit\n"
    }

    #[test]
    fn a_text_in_parts_is_the_same_text() {
        for mistakes in [false, true] {
            let text = long_text(mistakes);
            assert!(text.len() > 3 * PART);
            // A quote in a comment keeps the text in one piece.
            let whole = format!("{text}# '");
            match (assemble(&text), assemble(&whole)) {
                (Ok(parts), Ok(whole)) => {
                    assert_eq!(parts, whole);
                    assert!(parts.labels().eq(whole.labels()));
                    assert_eq!(parts.warnings(), whole.warnings());
                    assert!(!mistakes);
                }
                (Err(parts), Err(whole)) => {
                    assert_eq!(parts.as_slice(), whole.as_slice());
                    assert!(mistakes);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_line_longer_than_a_part() {
        let text = "r0 = 0; ".repeat(PART) + "\nexit";
        assert_eq!(assemble(&text).unwrap().len(), PART + 1);
    }
}
