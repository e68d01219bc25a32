//! The verifier's log: the reason in it, and the instruction it is about.
//!
//! The log is instructions with register states between them, and the reason is what stands
//! below the last instruction. Linux 7.3 puts a report below that, which begins with
//! `Verification failed:` and explains at length; its heading is the reason only where the
//! old line is missing, since a line is what is wanted here.

const REPORT: &str = "Verification failed:";

/// The first line of the reason for a rejection; `None` if the log has none.
pub(crate) fn reason(log: &str) -> Option<&str> {
    let (trace, report) = parts(log);
    let lines: Vec<&str> = trace.lines().map(str::trim).collect();
    let last_instruction = lines
        .iter()
        .rposition(|line| instruction_index(line).is_some());
    let is_reason = |line: &&&str| !is_noise(line);
    let line = match last_instruction {
        Some(at) => lines[at + 1..].iter().find(is_reason),
        // Found before any path was followed: "unreachable insn 3".
        None => lines.iter().rfind(is_reason),
    };
    let heading = || report?.lines().next().map(str::trim);
    line.copied()
        .or_else(heading)
        .filter(|line| !line.is_empty())
}

/// The slot of the instruction that the reason is about.
pub(crate) fn instruction(log: &str) -> Option<usize> {
    let (trace, report) = parts(log);
    let at = report.and_then(|report| {
        let mut lines = report.lines().map(str::trim);
        lines.find(|line| *line == "At:")?;
        lines.next()?.strip_prefix("insn ")?.parse().ok()
    });
    let last = || {
        let mut lines = trace.lines().rev();
        lines.find_map(|line| instruction_index(line.trim()))
    };
    // "unreachable insn 3", "jump out of range from insn 0 to 5".
    let named = || {
        let (_, rest) = reason(log)?.split_once("insn ")?;
        let end = rest.find(|c: char| !c.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    };
    at.or_else(last).or_else(named)
}

/// The trace, and the report below it without its first words.
fn parts(log: &str) -> (&str, Option<&str>) {
    match log.split_once(REPORT) {
        Some((trace, report)) => (trace, Some(report)),
        None => (log, None),
    }
}

/// `12` of `12: (61) r0 = *(u32 *)(r1 +0)`.
fn instruction_index(line: &str) -> Option<usize> {
    let (index, rest) = line.split_once(": (")?;
    let opcode = rest.get(..3)?;
    let is_hex = opcode.ends_with(')') && u8::from_str_radix(&opcode[..2], 16).is_ok();
    is_hex.then(|| index.parse().ok()).flatten()
}

/// Whether a line belongs to the trace of the verifier's work: states, sources, statistics.
fn is_noise(line: &str) -> bool {
    const STARTS: &[&str] = &[
        ";",
        "processed ",
        "verification time",
        "stack depth",
        "max_states_per_insn",
        "peak_states",
        "mark_precise:",
        "last_idx",
        "regs=",
        "parent ",
        "Live regs before insn:",
        "caller:",
        "callee:",
        "returning from callee:",
        "to caller at ",
        "propagating ",
    ];
    let is_state = |text: &str| {
        let name: String = text
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-')
            .collect();
        let known = name.starts_with('R') || name.starts_with("fp-");
        known && text[name.len()..].starts_with('=')
    };
    // "frame1: R0=…", "from 3 to 7: R0=…", "func#0 @0": not "frame pointer is read only".
    let is_numbered = ["frame", "from ", "func#"].iter().any(|start| {
        line.strip_prefix(start)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    // "0: 01........ (bf) r0 = r2": the live registers.
    let is_live = |text: &str| {
        let mut registers = text.chars().take_while(|c| *c != ' ');
        text.find(' ') == Some(10) && registers.all(|c| c == '.' || c.is_ascii_digit())
    };
    let after_index = match line.split_once(": ") {
        Some((index, rest)) if index.parse::<usize>().is_ok() => rest,
        _ => line,
    };
    line.is_empty()
        || STARTS.iter().any(|start| line.starts_with(start))
        || is_numbered
        || is_state(after_index)
        || is_live(after_index)
        // "2: BUG_db": an instruction that the kernel's printer does not know.
        || after_index.starts_with("BUG_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNREAD: &str = "0: R1=ctx() R10=fp0\n0: (bf) r0 = r2\nR2 !read_ok\n\
        processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n";

    #[test]
    fn the_reason_stands_below_the_last_instruction() {
        assert_eq!(reason(UNREAD), Some("R2 !read_ok"));
        assert_eq!(instruction(UNREAD), Some(0));
    }

    #[test]
    fn the_first_of_several_lines_is_the_reason() {
        let log = "Live regs before insn:\n  0: .1........ (bf) r6 = r1\n0: R1=ctx() R10=fp0\n\
            ; r0 = 1 @ main.rs:3\n4: (79) r1 = *(u64 *)(r0 +8)       ; R0=map_value(map=m,ks=4,vs=8)\n\
            invalid access to map value, value_size=8 off=8 size=8\n\
            R0 min value is outside of the allowed memory range\nprocessed 5 insns\n";
        assert_eq!(
            reason(log),
            Some("invalid access to map value, value_size=8 off=8 size=8")
        );
        assert_eq!(instruction(log), Some(4));
    }

    #[test]
    fn structure_errors_name_the_instruction_themselves() {
        let log = "func#0 @0\nunreachable insn 3\nprocessed 0 insns\n";
        assert_eq!(reason(log), Some("unreachable insn 3"));
        assert_eq!(instruction(log), Some(3));
    }

    #[test]
    fn reasons_that_look_like_noise() {
        for line in [
            "frame pointer is read only",
            "BPF program is too large. Processed 1000001 insn",
        ] {
            let log = format!("0: (b7) r10 = 0\n{line}\nprocessed 1 insns\n");
            assert_eq!(reason(&log), Some(line));
        }
        let log = "func#0 @0\nframe1: R0=1\n0: 01........ (b7) r0 = 0\nfrom 1 to 3: R0=1\n";
        assert_eq!(reason(log), None);
    }

    #[test]
    fn the_report_of_new_kernels_stands_below_the_reason() {
        let report = "\nVerification failed: Memory Safety: Access outside bounds\n\nReason:\n  \
            The verifier cannot prove it.\n\nAt:\n  insn 13\n       | ^-- error: it may\n  \
            >>> 13 | (7b) *(u64 *)(r0 +0) = r1\n\nSuggestion:\n  Add a check.\n\n\
            processed 13 insns\n";
        let log = format!("13: (7b) *(u64 *)(r0 +0) = r1\ninvalid access\nR0 max\n{report}");
        assert_eq!(reason(&log), Some("invalid access"));
        assert_eq!(instruction(&log), Some(13));
        assert_eq!(reason(report), Some("Memory Safety: Access outside bounds"));
        assert_eq!(instruction(report), Some(13));
    }

    #[test]
    fn any_text_is_read() {
        const PARTS: &[&str] = &[
            "0",
            ": ",
            "(",
            "bf",
            ")",
            "R",
            "=",
            "insn ",
            "\n",
            "é",
            "Reason:",
            "from ",
            " ",
            ".",
            "-",
            "18446744073709551616",
        ];
        crate::similar::soup(PARTS, |text| {
            let _ = (reason(text), instruction(text));
        });
    }

    #[test]
    fn nothing_gives_nothing() {
        for log in ["", "\n\n", "processed 2 insns\n", ": (", "é: (é", "0: (é"] {
            assert_eq!(reason(log).filter(|_| log.len() < 3), None, "{log:?}");
            let _ = instruction(log);
        }
    }
}
