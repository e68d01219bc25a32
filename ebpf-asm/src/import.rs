//! Listings as other tools print them, read back into code.
//!
//! [`listing`] reads what people paste: the output of llvm-objdump (any version, with and
//! without raw bytes), of `bpftool prog dump xlated` (with and without `opcodes`), the
//! instruction lines of a kernel verifier log, and this crate's own listing.
//!
//! - Where a line has bytes, the bytes count and its text is not looked at. Otherwise the text
//!   is assembled, wrapping constants as LLVM does; a listing may mix both.
//! - Headings, labels, source lines (`; …`), relocations, register states and the other lines
//!   of these tools that are no instructions are passed over. Relocations are not applied.
//! - Numbers of slots have to go up without gaps, so that no line can get lost. A verifier log
//!   may show an instruction several times and in any order.
//! - The opcode that the kernel prints, `(85)`, has to be that of the instruction.
//! - `call -10` is a call of a function ten slots back; `call 2` is helper 2, as in the
//!   language. LLVM prints calls of functions ahead like that as well: use a listing with
//!   bytes.
//! - `(18) r1 = 0x2a` is refused unless there are bytes: the kernel prints constants, maps
//!   and addresses alike.
//!
//! ```
//! use ebpf_asm::import;
//!
//! // What people paste into an issue:
//! let log = "0: (b7) r0 = 0\n1: (95) exit\nprocessed 2 insns (limit 1000000)\n";
//! assert_eq!(import::listing(log)?.len(), 2);
//! # Ok::<(), ebpf_asm::Diagnostics>(())
//! ```

use crate::Code;
use crate::diag::{Diagnostic, Diagnostics, Rule, Severity, Span, line_at};
use crate::isa::Insn;
use crate::link::{Linked, TextConstants};
use crate::syntax::{ParseOptions, TokenKind, TokenList, is_register, lex_piece, parse_sequence};
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry as MapEntry;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Reads a listing.
///
/// ```
/// let code = ebpf_asm::import::listing(
///     "
/// 0000000000000000 <example>:
///        0:       bf 20 00 00 00 00 00 00 r0 = r2
///        1:       25 01 01 00 03 00 00 00 if r1 > 3 goto +1 <LBB0_2>
///        2:       b7 00 00 00 05 00 00 00 r0 = 5
///
/// 0000000000000018 <LBB0_2>:
///        3:       95 00 00 00 00 00 00 00 exit
/// ",
/// )?;
/// assert_eq!(code, ebpf_asm::assemble("r0 = r2; if r1 > 3 goto +1; r0 = 5; exit")?);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
///
/// # Errors
/// Each line that cannot be read, as `BPF0070`.
pub fn listing(source: &str) -> Result<Code, Diagnostics> {
    let mut reader = Reader {
        source,
        lines: Vec::new(),
        labels: BTreeMap::new(),
        diagnostics: Vec::new(),
    };
    if u32::try_from(source.len()).is_err() {
        reader.unreadable(Span::default(), "the text is longer than 4 GiB");
    } else {
        reader.read_lines();
        reader.order_log();
    }
    let linked = reader.assemble();
    if reader.diagnostics.is_empty() {
        reader.check_opcodes_and_numbers(&linked);
    }
    if reader.diagnostics.is_empty() {
        return Ok(Code::from_vec(linked.insns).with_labels(linked.labels));
    }
    let Reader { diagnostics, .. } = reader;
    Err(Diagnostics::new(diagnostics, source, "<listing>"))
}

/// A line with something on it that counts.
struct Line {
    /// What counts: the bytes or the text.
    span: Span,
    /// The slot's number in front.
    number: Option<u32>,
    /// The opcode that the kernel prints.
    opcode: Option<u8>,
    content: Content,
}

#[derive(PartialEq)]
enum Content {
    Label,
    Text,
    Bytes(Vec<Insn>),
}

struct Reader<'a> {
    source: &'a str,
    lines: Vec<Line>,
    /// How often each label is there.
    labels: BTreeMap<&'a str, u32>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn text(&self, span: Span) -> &'a str {
        &self.source[span.start as usize..span.end as usize]
    }

    /// Reports that a line cannot be read, naming line and text.
    fn unreadable(&mut self, span: Span, why: impl Into<String>) {
        let diagnostic = unreadable(self.source, span).with_note(why);
        self.diagnostics.push(diagnostic);
    }

    fn read_lines(&mut self) {
        let mut start = 0;
        for (line, number) in self.source.split_inclusive('\n').zip(1..) {
            self.read_line(start, number);
            start += line.len();
        }
    }

    fn read_line(&mut self, start: usize, line_number: u32) {
        let source = self.source;
        let line = source[start..].split('\n').next().unwrap_or("");
        let blank = |c: char| c.is_whitespace() || c == '\u{feff}';
        let mut text = line.trim_matches(blank);
        // All pieces below are parts of the line: their addresses say where they are.
        let span = |piece: &str| {
            let at = piece.as_ptr() as usize - source.as_ptr() as usize;
            Span {
                start: at as u32,
                end: (at + piece.len()) as u32,
                line: line_number,
                column: source[start..at].chars().count() as u32 + 1,
            }
        };
        if is_no_instruction(text) {
            return;
        }
        if let Some(name) = label(text) {
            if !name.is_empty() && !is_register(name) {
                *self.labels.entry(name).or_default() += 1;
                self.lines.push(Line {
                    span: span(name),
                    number: None,
                    opcode: None,
                    content: Content::Label,
                });
            }
            return;
        }
        let mut number = None;
        if let Some((digits, rest)) = text.split_once(':')
            && !rest.trim().is_empty()
            && !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
        {
            match digits.parse() {
                Ok(value) => number = Some(value),
                Err(_) => return self.unreadable(span(text), "the number in front is too large"),
            }
            text = rest.trim();
        }
        if is_no_instruction(text) {
            return;
        }
        let pairs = hex_pairs(text);
        if !pairs.is_empty() {
            return match slots(&pairs) {
                Some(insns) => self.bytes(span(text), number, insns),
                None => self.unreadable(span(text), "a slot has eight bytes"),
            };
        }
        let mut opcode = None;
        if let Some((hex, rest)) = text.strip_prefix('(').and_then(|t| t.split_once(')'))
            && hex.len() == 2
            && let Ok(value) = u8::from_str_radix(hex, 16)
        {
            opcode = Some(value);
            // The kernel shows registers behind the instruction.
            text = rest.split(';').next().unwrap_or("").trim();
        }
        text = without_annotation(text);
        self.lines.push(Line {
            span: span(text),
            number,
            opcode,
            content: Content::Text,
        });
    }

    /// Bytes on a line: of their own, or those of the text above, as bpftool prints them.
    fn bytes(&mut self, span: Span, number: Option<u32>, insns: Vec<Insn>) {
        if number.is_none()
            && let Some(above) = self.lines.last_mut()
            && above.opcode.is_some()
            && above.content == Content::Text
        {
            above.content = Content::Bytes(insns);
            return;
        }
        self.lines.push(Line {
            span,
            number,
            opcode: None,
            content: Content::Bytes(insns),
        });
    }

    /// A verifier log follows paths: brings its instructions into their order, each once.
    fn order_log(&mut self) {
        let from_kernel = |line: &Line| line.opcode.is_some() && line.number.is_some();
        let in_order = self
            .lines
            .windows(2)
            .all(|pair| pair[0].number < pair[1].number);
        if in_order || !self.lines.iter().all(from_kernel) {
            return;
        }
        let mut first: BTreeMap<u32, Line> = BTreeMap::new();
        for line in core::mem::take(&mut self.lines) {
            match first.entry(line.number.unwrap_or_default()) {
                MapEntry::Vacant(place) => {
                    place.insert(line);
                }
                MapEntry::Occupied(before) => {
                    let before = before.get().span;
                    if self.text(before) != self.text(line.span) {
                        let why = format!(
                            "line {} shows another instruction of the same number",
                            before.line
                        );
                        self.unreadable(line.span, why);
                    }
                }
            }
        }
        self.lines = first.into_values().collect();
    }

    fn assemble(&mut self) -> Linked {
        let mut tokens = TokenList::of_text(self.source);
        let mut found = Vec::new();
        for line in &self.lines {
            let span = line.span;
            match &line.content {
                Content::Label => {
                    // A name that is there twice says nothing; a jump to it is an error.
                    let name = self.text(span);
                    if self.labels.get(name) == Some(&1) {
                        tokens.push(TokenKind::Word, name, span, true);
                        tokens.push(punct(':'), ":", span, false);
                    }
                }
                Content::Bytes(insns) => {
                    for insn in insns {
                        let value = u64::from_le_bytes(insn.to_le_bytes());
                        tokens.push(punct('.'), ".", span, true);
                        tokens.push(TokenKind::Number, "8byte", span, false);
                        let value = format!("{value:#x}");
                        tokens.push(TokenKind::Number, &value, span, false);
                    }
                }
                Content::Text => {
                    let text = self.text(span);
                    match text.strip_prefix("call").map(str::trim_start) {
                        Some(rest) if rest.starts_with('-') => {
                            tokens.push(TokenKind::Word, "call", span, true);
                            tokens.push(TokenKind::Word, "pc", span, false);
                            let behind = Span {
                                start: span.end - rest.len() as u32,
                                column: span.column + (text.len() - rest.len()) as u32,
                                ..span
                            };
                            let first = tokens.len();
                            lex_piece(
                                self.source,
                                behind,
                                span.end as usize,
                                &mut tokens,
                                &mut found,
                            );
                            tokens.join_line(first);
                        }
                        _ => {
                            lex_piece(
                                self.source,
                                span,
                                span.end as usize,
                                &mut tokens,
                                &mut found,
                            );
                        }
                    }
                }
            }
        }
        tokens.finish(self.lines.last().map_or(Span::default(), |line| line.span));
        let mut parsed = parse_sequence(&tokens, ParseOptions { relaxed: true });
        found.append(&mut parsed.diagnostics);
        let linked = TextConstants::default().link(&tokens, &parsed.tree, &mut found);
        // A jump to a line that could not be read is not wrong as well.
        let follows = |code| matches!(code, Rule::JumpTarget | Rule::UndefinedLabel);
        let complete = self.diagnostics.is_empty();
        found.retain(|diagnostic| {
            diagnostic.severity == Severity::Error && (complete || !follows(diagnostic.code))
        });
        found.sort_by_key(|diagnostic| (diagnostic.span.line, diagnostic.span.start));
        // One error a line: it cannot be read, and here is the first reason.
        found.dedup_by_key(|diagnostic| diagnostic.span.line);
        for reason in found {
            let mut diagnostic = unreadable(self.source, reason.span);
            diagnostic = diagnostic.with_note(reason.message);
            diagnostic.help = reason.help;
            diagnostic.suggestions = reason.suggestions;
            self.diagnostics.push(diagnostic);
        }
        linked
    }

    fn check_opcodes_and_numbers(&mut self, linked: &Linked) {
        let mut slots: BTreeMap<u32, usize> = BTreeMap::new();
        for (slot, span) in linked.spans.iter().enumerate() {
            slots.entry(span.line).or_insert(slot);
        }
        // What the number of slot 0 would be.
        let mut base = None;
        for line in core::mem::take(&mut self.lines) {
            let Some(&slot) = slots.get(&line.span.line) else {
                continue;
            };
            if let (Some(opcode), Content::Text) = (line.opcode, &line.content) {
                self.check_opcode(line.span, opcode, linked.insns[slot]);
            }
            let Some(number) = line.number else { continue };
            let here = i64::from(number) - slot as i64;
            // Another section or program counts from 0 again.
            if base.is_some_and(|base| base != here) && number != 0 {
                let expected = base.unwrap_or_default() + slot as i64;
                self.unreadable(
                    line.span,
                    format!("its number is {number}, and {expected} was expected: lines are missing before it"),
                );
            }
            base = Some(here);
        }
    }

    fn check_opcode(&mut self, span: Span, opcode: u8, insn: Insn) {
        if opcode == insn.opcode() {
            return;
        }
        if opcode == 0x18 {
            let diagnostic = unreadable(self.source, span)
                .with_note("the kernel prints constants, maps and addresses alike")
                .with_help("use a dump with bytes: `bpftool prog dump xlated id … opcodes`");
            self.diagnostics.push(diagnostic);
            return;
        }
        let why = format!(
            "the kernel says that its opcode is {opcode:#04x}, and this text has {:#04x}",
            insn.opcode()
        );
        self.unreadable(span, why);
    }
}

fn punct(character: char) -> TokenKind {
    TokenKind::Punct {
        character,
        joint: false,
    }
}

fn unreadable(source: &str, span: Span) -> Diagnostic {
    // The first characters tell which line it is.
    const SHOWN: usize = 80;
    let line = line_at(source, span).trim();
    let mut text: String = line.chars().take(SHOWN).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    let message = format!("line {} cannot be read: `{text}`", span.line);
    Diagnostic::error(Rule::UnreadableListing, span, message)
}

/// The name in a line that is a label or the heading of a function; empty if the name is none
/// of the language.
fn label(line: &str) -> Option<&str> {
    let line = line.strip_suffix(':').or_else(|| {
        // `program count: socket_filter`
        let (heading, _) = line.split_once(':')?;
        heading.starts_with("program ").then_some(heading)
    })?;
    for heading in ["program ", "pub fn ", "fn "] {
        if let Some(name) = line.strip_prefix(heading) {
            return Some(identifier(name.trim()));
        }
    }
    // `0000000000000018 <LBB0_2>`
    let mut name = line;
    if let Some((address, rest)) = line.split_once(' ')
        && address.len() >= 8
        && address.bytes().all(|b| b.is_ascii_hexdigit())
    {
        name = rest.trim();
    }
    if let Some(inner) = name.strip_prefix('<').and_then(|n| n.strip_suffix('>')) {
        return Some(identifier(inner));
    }
    // `int count(struct __sk_buff * skb)`
    if name.ends_with(')')
        && let Some((before, _)) = name.split_once('(')
        && before.contains(' ')
    {
        let name = before.rsplit([' ', '*']).next().unwrap_or("");
        return Some(identifier(name));
    }
    let plain =
        !name.contains(char::is_whitespace) && !name.starts_with(|c: char| c.is_ascii_digit());
    plain.then(|| identifier(name))
}

/// The name if the language can have it, else nothing.
fn identifier(name: &str) -> &str {
    let plain = match name.strip_suffix("%=") {
        Some(plain) if plain.ends_with('_') => plain,
        _ => name,
    };
    let starts = plain.starts_with(|c: char| c == '_' || c.is_alphabetic());
    let is_name = starts && plain.chars().all(|c| c == '_' || c.is_alphanumeric());
    if is_name { name } else { "" }
}

/// Lines of the tools that are no instructions. None of them begins like an instruction.
fn is_no_instruction(text: &str) -> bool {
    const STARTS: &[&str] = &[
        ";",
        // llvm-objdump
        "Disassembly of section ",
        // this crate
        "object ",
        "license ",
        "kernel ",
        "map ",
        "extern ",
        // the verifier
        "-- BEGIN",
        "-- END",
        "BEGIN PROG LOAD LOG",
        "END PROG LOAD LOG",
        "Func#",
        "Validating ",
        "caller:",
        "callee:",
        "first_idx ",
        "from ",
        "func#",
        "last_idx ",
        "mark_precise:",
        "max_states_per_insn ",
        "parent ",
        "processed ",
        "propagating ",
        "regs=",
        "returning from callee",
        "stack depth ",
        "to caller at",
        "verification time ",
    ];
    text.is_empty()
        || STARTS.iter().any(|start| text.starts_with(start))
        || text == "safe"
        || text.contains("file format elf")
        || text.contains("R_BPF_")
        || (text.starts_with("const ") && !text.contains('='))
        || is_register_state(text)
        || text
            .strip_prefix("frame")
            .is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()))
}

/// `R1=ctx() R10=fp0`, `R0_w=inv0`
fn is_register_state(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('R') else {
        return false;
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let name = rest
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let length = name.count();
    digits > 0 && rest[length..].starts_with('=')
}

/// The bytes at the start of a line: words of two hexadecimal digits.
fn hex_pairs(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map_while(|word| match word.as_bytes() {
            [high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                u8::from_str_radix(word, 16).ok()
            }
            _ => None,
        })
        .collect()
}

/// One slot, or the two of a 64-bit constant.
fn slots(bytes: &[u8]) -> Option<Vec<Insn>> {
    let (slots, rest) = bytes.as_chunks::<8>();
    let insns: Vec<Insn> = slots
        .iter()
        .map(|&slot| Insn::from_le_bytes(slot))
        .collect();
    let whole = rest.is_empty() && matches!(insns.len(), 1 | 2);
    whole.then_some(insns)
}

/// `goto +1 <LBB0_2>` without the name.
fn without_annotation(text: &str) -> &str {
    match text.rsplit_once(" <") {
        Some((before, name)) if name.ends_with('>') && !name.contains(char::is_whitespace) => {
            before.trim_end()
        }
        _ => text,
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
