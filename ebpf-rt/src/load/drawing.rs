//! A rejection as rustc would show it: lines of source with marks, notes, advice.

use crate::sys;
use crate::verifier_log::{Origin, Path, Reason, Value, VerifierLog, hint};
use ebpf_asm::excerpt::{Excerpt, MarkedLine, margin};
use ebpf_asm::object::{LineTable, ProgramDef};
use std::collections::HashMap;
use std::fmt;

/// How many branches of the path are shown: the last ones.
const BRANCHES: usize = 8;
/// How many directories above the current one may be what the paths of sources are relative
/// to: the tests of a package in a workspace run in the package's directory.
const PARENTS: usize = 3;

/// All that is needed to draw the refusal of a program.
pub(super) struct Drawing {
    pub(super) def: ProgramDef,
    /// The slot that was refused.
    pub(super) slot: Option<usize>,
    pub(super) log: String,
}

impl Drawing {
    /// What stands between the reason and the log, each line with the end of the one before.
    pub(super) fn draw(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = VerifierLog::parse(&self.log);
        let Some(reason) = log.reason() else {
            return Ok(());
        };
        let path = log.path();
        let source = Source::new(&self.def.lines, &log);
        let primary = self.slot.map(|slot| source.line(slot, '^', ""));
        let last = path.steps().last().map(|step| step.instruction.slot);
        // Of what is wrong with the program as a whole no path leads there.
        let notes = match last == self.slot {
            true => notes(&reason, &path, &source),
            false => Vec::new(),
        };
        let lines = notes.iter().flat_map(|note| &note.lines).chain(&primary);
        let margin = margin(lines.map(|line| line.number).max().unwrap_or(0));
        if let Some(line) = primary {
            write!(f, "\n{}", source.excerpt(&[line], margin))?;
        }
        if let Some(report) = log.report()
            && !report.reason.is_empty()
        {
            write!(f, "\n{:margin$} = note: {}", "", report.reason)?;
        }
        if let Some(help) = help(&reason, &log, &path) {
            write!(f, "\n{:margin$} = help: {help}", "")?;
        }
        for note in notes {
            write!(f, "\nnote: {}", note.message)?;
            write!(f, "\n{}", source.excerpt(&note.lines, margin))?;
        }
        Ok(())
    }
}

/// What the register in question holds, and what to do about it.
fn help(reason: &Reason<'_>, log: &VerifierLog<'_>, path: &Path<'_>) -> Option<String> {
    let register = register_in_question(reason, path);
    if reason.fact.ends_with("!read_ok") {
        let register = register?;
        return match path.origin(register) {
            Some(Origin::Lost(_)) => Some(format!(
                "a call takes away what r1 to r5 hold: keep the value of r{register} in r6 to \
                 r9, or on the stack"
            )),
            None if register >= 6 && path.depth() > 0 => Some(format!(
                "a function does not see what r6 to r9 hold in its caller: pass the value of \
                 r{register} on in r1 to r5"
            )),
            _ => hint(reason),
        };
    }
    let suggestion = || {
        let suggestion = &log.report()?.suggestion;
        (!suggestion.is_empty()).then(|| suggestion.clone())
    };
    let advice = hint(reason).or_else(suggestion);
    let state = register.and_then(|register| {
        let value = reason.packet().or_else(|| path.value(register));
        let logged = value.filter(|value| match reason.kind() {
            // What the log said last may have been longer ago.
            Some(kind) => value.kind() == Value::new(kind).kind(),
            None => true,
        });
        let value = logged.or(reason.kind().map(Value::new))?;
        Some(format!("r{register} is {} here", value.in_words()?))
    });
    // A pointer to the top of the stack is nothing that one has to be told about.
    let state = state.filter(|_| register != Some(10));
    match (state, advice) {
        (Some(state), Some(advice)) => Some(format!("{state}: {advice}")),
        (state, advice) => state.or(advice),
    }
}

/// The register that the reason names; of "math between …" the one that is added.
fn register_in_question(reason: &Reason<'_>, path: &Path<'_>) -> Option<u8> {
    reason.register().or_else(|| {
        let step = path.steps().last()?;
        let operand = step.instruction.text.rsplit(' ').next()?;
        let is_arithmetic = reason.fact.starts_with("math between");
        let register = operand.strip_prefix('r').filter(|_| is_arithmetic)?;
        register.parse().ok().filter(|&register| register <= 10)
    })
}

/// A remark with the lines it is about.
struct Note<'a> {
    message: String,
    lines: Vec<MarkedLine<'a>>,
}

fn notes<'a>(reason: &Reason<'_>, path: &Path<'_>, source: &'a Source<'_>) -> Vec<Note<'a>> {
    let mut notes = Vec::new();
    let slot_of = |position: usize| path.steps().get(position).map(|step| step.instruction.slot);
    if let Some(slot) = reason.acquired_at() {
        notes.push(Note {
            message: "what is not released was acquired here".to_owned(),
            lines: vec![source.line(slot, '-', "")],
        });
    }
    let register = register_in_question(reason, path).filter(|register| *register != 10);
    if let Some(register) = register
        && let Some(origin) = path.origin(register)
    {
        let (message, position) = match origin {
            Origin::Written(position) => ("got its value here", position),
            Origin::Lost(position) => ("lost its value in this call", position),
        };
        if let Some(slot) = slot_of(position) {
            notes.push(Note {
                message: format!("r{register} {message}"),
                lines: vec![source.line(slot, '-', "")],
            });
        }
    }
    let branches = branches(path);
    let shown = &branches[branches.len().saturating_sub(BRANCHES)..];
    if !shown.is_empty() {
        let mut message = "the branches on the way there".to_owned();
        if shown.len() < branches.len() {
            message += &format!(", the last {} of {}", shown.len(), branches.len());
        }
        let lines = shown.iter().map(|&(slot, taken)| {
            source.line(slot, '-', if taken { "taken" } else { "not taken" })
        });
        notes.push(Note {
            message,
            lines: lines.collect(),
        });
    }
    notes
}

/// The conditional jumps of the path and whether they were taken; rounds of a loop that are
/// alike once.
fn branches(path: &Path<'_>) -> Vec<(usize, bool)> {
    let mut branches: Vec<(usize, bool)> = Vec::new();
    for step in path.steps() {
        let Some(taken) = step.taken else { continue };
        branches.push((step.instruction.slot, taken));
        // The last round, if it is the one before over again.
        let loops = (1..=BRANCHES).find(|&length| {
            let rounds = branches
                .len()
                .checked_sub(2 * length)
                .map(|start| &branches[start..]);
            rounds.is_some_and(|rounds| rounds[..length] == rounds[length..])
        });
        if let Some(length) = loops {
            branches.truncate(branches.len() - length);
        }
    }
    branches
}

/// Where the text of lines comes from: the source file if it can be read and is what the
/// program was made from; else the instructions as the kernel spells them.
struct Source<'a> {
    table: &'a LineTable,
    /// The file's lines, from 1.
    file: HashMap<u32, String>,
    /// The instructions of the log, and the source that the kernel printed with them.
    logged: HashMap<usize, Logged<'a>>,
}

struct Logged<'a> {
    text: &'a str,
    /// What is shown in place of a line of source: it or the kernel's line, in its column.
    shown: String,
}

impl<'a> Source<'a> {
    fn new(table: &'a LineTable, log: &VerifierLog<'a>) -> Self {
        let mut logged = HashMap::new();
        for step in log.path().steps() {
            let slot = step.instruction.slot;
            let text = step.instruction.text;
            let source = step.source.map(|source| source.text);
            let shown = source.filter(|text| !text.is_empty()).unwrap_or(text);
            let column = table.get(slot).map_or(1, |(_, column)| usize::from(column));
            let shown = format!("{:1$}{shown}", "", column.saturating_sub(1));
            logged.insert(slot, Logged { text, shown });
        }
        let file = read(table, &logged);
        Self {
            table,
            file,
            logged,
        }
    }

    fn line(&self, slot: usize, mark: char, label: &'static str) -> MarkedLine<'_> {
        let shown = self.logged.get(&slot).map(|logged| &*logged.shown);
        // Of what is found before any path is followed there is no trace.
        let shown = shown.unwrap_or("?");
        let (number, column, text) = match self.table.get(slot) {
            Some((line, column)) => {
                let text = self.file.get(&line).map(String::as_str);
                (line, u32::from(column).max(1), text.unwrap_or(shown))
            }
            None => (u32::try_from(slot).unwrap_or(u32::MAX), 0, shown),
        };
        MarkedLine {
            number,
            column,
            text,
            length: statement(text, column).map_or(1, |text| text.chars().count()),
            mark,
            label,
        }
    }

    fn excerpt<'l>(&'l self, lines: &'l [MarkedLine<'l>], margin: usize) -> Excerpt<'l> {
        let has_places = lines.first().is_some_and(|line| line.column != 0);
        Excerpt {
            name: if has_places {
                self.table.file
            } else {
                "instruction"
            },
            lines,
            margin,
        }
    }
}

/// The lines of the source file that instructions of the log come from; none if one of them is
/// not there: then it is another file, or has changed since.
fn read(table: &LineTable, logged: &HashMap<usize, Logged<'_>>) -> HashMap<u32, String> {
    if table.file.is_empty() {
        return HashMap::new();
    }
    let mut path = table.file.to_owned();
    for _ in 0..=PARENTS {
        if let Ok(text) = sys::fs::read_file(&path)
            && let lines = lines(table, &text)
            && logged.iter().all(|(&slot, logged)| {
                table.get(slot).is_none_or(|(line, column)| {
                    let text = lines.get(&line).map(String::as_str);
                    text.is_some_and(|text| agrees(text, u32::from(column), logged.text))
                })
            })
        {
            return lines;
        }
        if table.file.starts_with('/') {
            break;
        }
        path.insert_str(0, "../");
    }
    HashMap::new()
}

/// The lines of the text that the table names.
fn lines(table: &LineTable, text: &str) -> HashMap<u32, String> {
    let slots = table.bytes.len() / LineTable::BYTES_PER_SLOT;
    let wanted: std::collections::HashSet<u32> = (0..slots)
        .filter_map(|slot| table.get(slot).map(|(line, _)| line))
        .collect();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..)
        .zip(text.lines())
        .filter(|(number, _)| wanted.contains(number))
        .map(|(number, line)| (number, line.to_owned()))
        .collect()
}

/// Whether what stands there may be the source of an instruction: it begins alike.
fn agrees(line: &str, column: u32, instruction: &str) -> bool {
    let Some(statement) = statement(line, column) else {
        return false;
    };
    let first = |text: &str| -> String {
        let mut letters = text.chars();
        match letters.next() {
            Some(c) if c.is_ascii_alphanumeric() => {
                let rest = letters.take_while(|c| c.is_ascii_alphanumeric() || *c == '_');
                core::iter::once(c).chain(rest).collect()
            }
            other => other.into_iter().collect(),
        }
    };
    let (written, logged) = (first(statement), first(instruction));
    // `.8byte` is any instruction, `BUG_db` is what the kernel cannot print, and Linux 7.3
    // prints a branch that is always taken as a `goto`.
    written == "."
        || instruction.starts_with("BUG_")
        || written == logged
        || written == "if" && logged == "goto"
}

/// The statement that begins in this column, without its end.
fn statement(line: &str, column: u32) -> Option<&str> {
    let skipped = column.saturating_sub(1) as usize;
    let (start, _) = line.char_indices().nth(skipped)?;
    let rest = line.get(start..)?;
    let mut depth = 0usize;
    let end = rest.char_indices().find_map(|(at, c)| {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ';' | '#' if depth == 0 => return Some(at),
            '/' if depth == 0 && rest[at..].starts_with("//") => return Some(at),
            _ => {}
        }
        None
    });
    let statement = rest[..end.unwrap_or(rest.len())].trim_end();
    (!statement.is_empty()).then_some(statement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;
    use crate::sys::script::{Script, run};

    #[test]
    fn statements_end_where_they_end() {
        for (line, column, expected) in [
            ("    r1 = 5; r2 = 6;", 5, Some("r1 = 5")),
            ("    r1 = 5; r2 = 6;", 13, Some("r2 = 6")),
            (
                "r1 = {if A { 1 } else { [2; 3][0] }};",
                1,
                Some("r1 = {if A { 1 } else { [2; 3][0] }}"),
            ),
            ("\texit // é", 2, Some("exit")),
            ("exit # done", 1, Some("exit")),
            ("é exit", 3, Some("exit")),
            ("exit", 5, None),
            ("exit", 9, None),
        ] {
            assert_eq!(statement(line, column), expected, "{line}");
        }
    }

    #[test]
    fn another_file_is_not_shown() {
        assert!(agrees("  r1 = COUNTS ll;", 3, "r1 = 0xffff8b85412c3400"));
        assert!(agrees(
            "  *(u64 *)(r10 - 8) = 0;",
            3,
            "*(u64 *)(r10 -8) = 0"
        ));
        assert!(agrees(
            "r0 = cmpxchg_64(r1 + 0, r0, r2)",
            1,
            "r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)"
        ));
        assert!(agrees("if r0 == 0 goto again", 1, "goto pc-2"));
        assert!(agrees(".8byte 0x95", 1, "exit"));
        assert!(!agrees("  r2 = 1;", 3, "r1 = 1"));
        assert!(!agrees("fn main() {}", 1, "exit"));
        assert!(!agrees("", 1, "exit"));
    }

    const LOG: &str = "0: R1=ctx() R10=fp0\n\
        0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=scalar()\n\
        1: (15) if r2 == 0x7 goto pc+3        ; R2=scalar()\n\
        2: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=m,ks=4,vs=8)\n\
        3: (79) r1 = *(u64 *)(r0 +0)\n\
        R0 invalid mem access 'map_value_or_null'\n\
        processed 4 insns (limit 1000000)\n";

    /// The refusal of instruction 3, with this source file, printed with `{:#}`.
    fn drawn(file: &str) -> String {
        let places: [(u32, u16); 4] = [(8, 5), (9, 5), (10, 5), (14, 17)];
        let table: Vec<u8> = places
            .iter()
            .flat_map(|(line, column)| [&line.to_le_bytes()[..], &column.to_le_bytes()].concat())
            .collect();
        let def = ProgramDef::new(
            "count",
            ebpf_asm::object::ProgramKind::SocketFilter,
            &[],
            &[],
            &[],
            LineTable::new("src/main.rs", table.leak()),
        );
        let version = ebpf_asm::KernelVersion::DEFAULT_MINIMUM;
        let object = ebpf_asm::Object::new("opens", "GPL", version, &[], &[], &[]);
        let script = Script::new().file("src/main.rs", file);
        let (text, calls) = run(script, || {
            let error = crate::load::rejection::of_program(&object, &def, Errno::EACCES, LOG);
            let error = error.unwrap();
            let error = error.in_object("opens").of_program("count");
            assert_eq!(
                error.to_string(),
                "opens::count: rejected by the kernel: R0 invalid mem access \
                 'map_value_or_null' at src/main.rs:14:17"
            );
            format!("{error:#}")
        });
        assert_eq!(calls, []);
        text
    }

    const EXPECTED: &str = "opens::count: rejected by the kernel: R0 invalid mem access \
'map_value_or_null'
  --> src/main.rs:14:17
   |
14 |                 r1 = *(u64 *)(r0 + 0); // é
   |                 ^^^^^^^^^^^^^^^^^^^^^
   = help: r0 is a map value or null here: test it with `if r0 == 0 goto …` first
note: r0 got its value here
  --> src/main.rs:10:5
   |
10 |     call bpf_map_lookup_elem;
   |     ------------------------
note: the branches on the way there
  --> src/main.rs:9:5
   |
 9 |     if r2 == SEVEN goto out;
   |     ----------------------- not taken
the kernel's log:
";

    #[test]
    fn a_rejection_reads_like_an_error_of_rustc() {
        let file = "\n\n\n\n\n\n\n    r2 = *(u32 *)(r1 + 0);\n    if r2 == SEVEN goto out;\n    call \
                    bpf_map_lookup_elem;\n\n\n\n                r1 = *(u64 *)(r0 + 0); // é\n";
        let text = drawn(file);
        assert_eq!(text, format!("{EXPECTED}{}", LOG.trim_end()));
        // The file has changed since, or is not there: the kernel's spelling.
        let spelled = EXPECTED
            .replace("r1 = *(u64 *)(r0 + 0); // é", "r1 = *(u64 *)(r0 +0)")
            .replace("^^^^^^^^^^^^^^^^^^^^^", "^^^^^^^^^^^^^^^^^^^^")
            .replace("call bpf_map_lookup_elem;", "call bpf_map_lookup_elem#1")
            .replace("if r2 == SEVEN goto out;", "if r2 == 0x7 goto pc+3")
            .replace("----------------------- not", "---------------------- not");
        for other in [file.replace("call ", "callx "), String::new()] {
            assert_eq!(drawn(&other), format!("{spelled}{}", LOG.trim_end()));
        }
    }
}
