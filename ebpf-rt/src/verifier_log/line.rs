//! One line of the log: what it is.

/// A line of the log, with what it says.
///
/// ```
/// use ebpf_rt::verifier_log::{LineKind, VerifierLog};
///
/// let log = VerifierLog::parse("0: (b7) r0 = 2\n1: (95) exit\nsomething that is new");
/// let [first, _, last] = log.lines() else { unreachable!() };
/// assert!(matches!(first.kind, LineKind::Instruction(_)));
/// assert_eq!((last.text, last.kind), ("something that is new", LineKind::Other));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line<'a> {
    /// The line as the kernel wrote it, without its end.
    pub text: &'a str,
    /// What it is.
    pub kind: LineKind<'a>,
}

/// What a [`Line`] is.
///
/// ```
/// use ebpf_rt::verifier_log::{LineKind, VerifierLog};
///
/// let log = VerifierLog::parse("0: (35) if r1 >= 0x0 goto pc+2\n\nfrom 0 to 3: R1=ctx() R10=fp0");
/// let branches: Vec<_> = log
///     .lines()
///     .iter()
///     .filter_map(|line| match line.kind {
///         LineKind::Branch { from, to, .. } => Some((from, to)),
///         _ => None,
///     })
///     .collect();
/// assert_eq!(branches, [(0, 3)]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineKind<'a> {
    /// An instruction that the verifier followed.
    Instruction(LoggedInstruction<'a>),
    /// A line of source above its instructions: `; exit @ main.rs:11`.
    Source(LoggedSource<'a>),
    /// What registers and stack hold before an instruction: `3: R1=ctx() R10=fp0`.
    State {
        /// The instruction, if the line has its number.
        slot: Option<usize>,
        /// The registers, for [`registers`](super::registers).
        registers: &'a str,
    },
    /// The verifier goes on at a branch that it had put off: `from 7 to 9: R0=1`.
    Branch {
        /// The slot of the branch.
        from: usize,
        /// The slot where it goes on.
        to: usize,
        /// The registers there; `safe` if it has seen the like.
        registers: &'a str,
    },
    /// A global function is checked on its own: `Validating f() func#1...`.
    Function {
        /// The function's name.
        name: &'a str,
    },
    /// What belongs to the verifier's own work: precision, live registers, listings of
    /// functions, statistics.
    Work,
    /// A line of the [`Report`](super::Report) of Linux 7.3.
    Report,
    /// Nothing.
    Blank,
    /// Anything else: the reason, remarks, and what newer kernels have to say.
    Other,
}

/// An instruction in the log: `12: (07) r4 += 4    ; R4=8`.
///
/// ```
/// use ebpf_rt::verifier_log::{LineKind, VerifierLog};
///
/// let log = VerifierLog::parse("12: (07) r4 += 4    ; R4=8");
/// let LineKind::Instruction(instruction) = log.lines()[0].kind else { unreachable!() };
/// assert_eq!((instruction.slot, instruction.opcode), (12, 0x07));
/// assert_eq!((instruction.text, instruction.registers), ("r4 += 4", "R4=8"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedInstruction<'a> {
    /// Its slot.
    pub slot: usize,
    /// Its opcode.
    pub opcode: u8,
    /// It as the kernel spells it.
    pub text: &'a str,
    /// What it changed: the registers afterwards. Linux 5.18.
    pub registers: &'a str,
}

/// A line of source in the log.
///
/// ```
/// use ebpf_rt::verifier_log::{LineKind, VerifierLog};
///
/// let log = VerifierLog::parse("; exit @ main.rs:11");
/// let LineKind::Source(source) = log.lines()[0].kind else { unreachable!() };
/// assert_eq!((source.text, source.place), ("exit", Some(("main.rs", 11))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedSource<'a> {
    /// The text.
    pub text: &'a str,
    /// The last part of the file's path, and the line. Linux 6.10.
    pub place: Option<(&'a str, u32)>,
}

impl<'a> Line<'a> {
    /// A line that is not of a report.
    pub(super) fn parse(text: &'a str) -> Self {
        Self {
            text,
            kind: kind(text),
        }
    }
}

fn kind(text: &str) -> LineKind<'_> {
    let line = text.trim_end();
    if line.trim_start().is_empty() {
        return LineKind::Blank;
    }
    if let Some(source) = line.strip_prefix(';') {
        return LineKind::Source(self::source(source.strip_prefix(' ').unwrap_or(source)));
    }
    if let Some((slot, rest)) = numbered(line) {
        if let Some(instruction) = instruction(slot, rest) {
            return LineKind::Instruction(instruction);
        }
        return match rest {
            "safe" => LineKind::Work,
            _ if is_state(rest) => LineKind::State {
                slot: Some(slot),
                registers: rest,
            },
            _ => LineKind::Other,
        };
    }
    if let Some(rest) = line.strip_prefix("from ")
        && let Some(branch) = branch(rest)
    {
        return branch;
    }
    if let Some(rest) = line.strip_prefix("Validating ")
        && let Some((name, rest)) = rest.split_once("() func#")
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        return LineKind::Function { name };
    }
    let trimmed = line.trim_start();
    if let Some(rest) = trimmed.strip_prefix("to caller at ")
        && let Some((slot, rest)) = numbered(rest)
    {
        let registers = rest.trim_start();
        return LineKind::State {
            slot: Some(slot),
            registers,
        };
    }
    if is_work(line, trimmed) {
        return LineKind::Work;
    }
    if is_state(trimmed) {
        return LineKind::State {
            slot: None,
            registers: trimmed,
        };
    }
    LineKind::Other
}

/// `12: rest`, the number in the first column.
fn numbered(line: &str) -> Option<(usize, &str)> {
    let (number, rest) = line.split_once(':')?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((number.parse().ok()?, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// `(07) r4 += 4    ; R4=8`, and `BUG_db` for one that the kernel's printer does not know.
fn instruction(slot: usize, rest: &str) -> Option<LoggedInstruction<'_>> {
    if let Some(opcode) = rest.strip_prefix("BUG_") {
        let opcode = u8::from_str_radix(opcode.get(..2)?, 16).ok()?;
        return Some(LoggedInstruction {
            slot,
            opcode,
            text: rest,
            registers: "",
        });
    }
    let (opcode, text) = rest.strip_prefix('(')?.split_once(')')?;
    if opcode.len() != 2 {
        return None;
    }
    let opcode = u8::from_str_radix(opcode, 16).ok()?;
    let (text, registers) = match text.split_once(';') {
        Some((text, registers)) => (text, registers),
        // `if r0 == 0x5 goto pc+1 3: R10=fp0`: it goes on there with that.
        None => match text.split_once(": ") {
            Some((before, registers)) => {
                let number = before.rsplit(' ').next().unwrap_or_default();
                let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
                if is_number {
                    (&before[..before.len() - number.len()], registers)
                } else {
                    (text, "")
                }
            }
            None => (text, ""),
        },
    };
    Some(LoggedInstruction {
        slot,
        opcode,
        text: text.trim(),
        registers: registers.trim(),
    })
}

fn source(text: &str) -> LoggedSource<'_> {
    let place = text.rsplit_once(" @ ").and_then(|(text, place)| {
        let (file, line) = place.rsplit_once(':')?;
        Some((text, (file, line.trim().parse().ok()?)))
    });
    match place {
        Some((text, place)) => LoggedSource {
            text: text.trim(),
            place: Some(place),
        },
        None => LoggedSource {
            text: text.trim(),
            place: None,
        },
    }
}

/// `7 to 9: R0=1`, `7 to 9 (speculative execution): safe`.
fn branch(rest: &str) -> Option<LineKind<'_>> {
    let (from, rest) = rest.split_once(" to ")?;
    let (to, registers) = rest.split_once(':')?;
    let to = to.split(' ').next()?;
    Some(LineKind::Branch {
        from: from.parse().ok()?,
        to: to.parse().ok()?,
        registers: registers.trim(),
    })
}

/// Whether a line begins with what a register or a slot of the stack holds:
/// `R1=ctx()`, `R0_w=1`, `fp-8=mmmm`, `frame1: R0=1`, `refs=2`.
fn is_state(text: &str) -> bool {
    let text = match text.strip_prefix("frame") {
        Some(rest) => match rest.split_once(':') {
            Some(("", _)) => return false,
            Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => rest.trim_start(),
            _ => return false,
        },
        None => text,
    };
    let name = text.split('=').next().unwrap_or_default();
    if name.len() == text.len() {
        return text.is_empty();
    }
    let name = name.split('_').next().unwrap_or_default();
    let digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    name.strip_prefix('R').is_some_and(digits)
        || name.strip_prefix("fp-").is_some_and(digits)
        || name == "refs"
}

fn is_work(line: &str, trimmed: &str) -> bool {
    const STARTS: &[&str] = &[
        "processed ",
        "verification time",
        "stack depth",
        "stack use/def ",
        "subprog#",
        "subprog ",
        "topo_order[",
        "max_states_per_insn",
        "peak_states",
        "mark_precise:",
        "last_idx ",
        "regs=",
        "parent ",
        "Live regs before insn:",
        "caller:",
        "callee:",
        "returning from callee:",
        "propagating ",
        "cur state:",
        "old state:",
        "falling back to forcing all scalars precise",
    ];
    // "  0: (b7) r6 = 5" and "  0: .1........ (bf) r0 = r1": listings. "func#0 @0".
    let is_listing =
        line.starts_with([' ', '\t']) && numbered(trimmed).is_some_and(|(_, rest)| !is_state(rest));
    let is_function = trimmed
        .strip_prefix("func#")
        .is_some_and(|rest| rest.contains(" @"));
    is_listing || is_function || STARTS.iter().any(|start| trimmed.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> LineKind<'_> {
        Line::parse(text).kind
    }

    #[test]
    fn instructions_of_all_kernels() {
        let plain = |slot, opcode, text, registers| {
            LineKind::Instruction(LoggedInstruction {
                slot,
                opcode,
                text,
                registers,
            })
        };
        let cases = [
            ("0: (b7) r6 = 5", plain(0, 0xb7, "r6 = 5", "")),
            (
                "12: (07) r4 += 4                       ; R4=pkt(off=4,r=0)",
                plain(12, 7, "r4 += 4", "R4=pkt(off=4,r=0)"),
            ),
            (
                "0: (b7) r6 = 5                        ;",
                plain(0, 0xb7, "r6 = 5", ""),
            ),
            (
                "2: (15) if r0 == 0x0 goto pc+1 4: R6=1 R10=fp0",
                plain(2, 0x15, "if r0 == 0x0 goto pc+1", "R6=1 R10=fp0"),
            ),
            (
                "10: (85) call bpf_map_lookup_elem#1   ; R0=map_value_or_null(id=2,map=m,ks=4,vs=8)",
                plain(
                    10,
                    0x85,
                    "call bpf_map_lookup_elem#1",
                    "R0=map_value_or_null(id=2,map=m,ks=4,vs=8)",
                ),
            ),
            ("2: BUG_db", plain(2, 0xdb, "BUG_db", "")),
        ];
        for (line, expected) in cases {
            assert_eq!(parsed(line), expected, "{line}");
        }
    }

    #[test]
    fn source_with_and_without_a_place() {
        let LineKind::Source(source) = parsed("; r0 = x // é \"q\" ; semi @ main.rs:51") else {
            panic!()
        };
        assert_eq!(source.text, "r0 = x // é \"q\" ; semi");
        assert_eq!(source.place, Some(("main.rs", 51)));
        let LineKind::Source(source) = parsed(";  @ main.rs:4") else {
            panic!()
        };
        assert_eq!((source.text, source.place), ("", Some(("main.rs", 4))));
        let LineKind::Source(source) = parsed("; user @ host") else {
            panic!()
        };
        assert_eq!((source.text, source.place), ("user @ host", None));
    }

    #[test]
    fn states_and_branches() {
        for line in [
            " R0_w=inv0 R10=fp0",
            "R1=ctx(id=0,off=0,imm=0) R10=fp0",
            " frame1: R1=ctx() R10=fp0",
            "fp-8=mmmmmmmm",
            "refs=2",
        ] {
            assert!(
                matches!(parsed(line), LineKind::State { slot: None, .. }),
                "{line}"
            );
        }
        let state = LineKind::State {
            slot: Some(3),
            registers: "frame1: R1=ctx() R10=fp0",
        };
        assert_eq!(parsed("3: frame1: R1=ctx() R10=fp0"), state);
        assert_eq!(
            parsed("to caller at 4:"),
            LineKind::State {
                slot: Some(4),
                registers: ""
            }
        );
        let branch = |registers| LineKind::Branch {
            from: 7,
            to: 9,
            registers,
        };
        assert_eq!(parsed("from 7 to 9: R0=1"), branch("R0=1"));
        assert_eq!(
            parsed("from 7 to 9 (speculative execution): R0=1"),
            branch("R0=1")
        );
        assert_eq!(parsed("from 7 to 9: safe"), branch("safe"));
        assert_eq!(
            parsed("Validating helper() func#1..."),
            LineKind::Function { name: "helper" }
        );
    }

    #[test]
    fn work_is_not_a_reason_and_reasons_are_not_work() {
        for line in [
            "processed 1 insns (limit 1000000) max_states_per_insn 0",
            "func#0 @0",
            "      0: .1........ (bf) r6 = r1",
            "  0: (b7) r6 = 5",
            "mark_precise: frame0: last_idx 3 first_idx 0 subseq_idx -1",
            "regs=2 stack=0 before 0: (b7) r1 = 0",
            "subprog#0 main_prog:",
            "12: safe",
        ] {
            assert_eq!(parsed(line), LineKind::Work, "{line}");
        }
        for line in [
            "frame pointer is read only",
            "R0 !read_ok",
            "BPF program is too large. Processed 1000001 insn",
            "func 'f' arg1 has btf_id 1",
            "from here on it is unknown",
            "Reg type unsupported",
        ] {
            assert_eq!(parsed(line), LineKind::Other, "{line}");
        }
        assert_eq!(parsed(" \t"), LineKind::Blank);
    }
}
