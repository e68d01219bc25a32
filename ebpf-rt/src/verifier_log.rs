//! The verifier's log: the reason in it, and the instruction it is about.
//!
//! Before Linux 7.3 the log is instructions with register states between them, and the reason
//! is what stands below the last instruction. Linux 7.3 says `Reason:`.

/// The first line of the reason for a rejection; `None` if the log has none.
pub(crate) fn reason(log: &str) -> Option<&str> {
    if let Some(reason) = log
        .lines()
        .find_map(|line| line.trim().strip_prefix("Reason:"))
    {
        return Some(reason.trim());
    }
    let lines: Vec<&str> = log.lines().map(str::trim).collect();
    let last_instruction = lines
        .iter()
        .rposition(|line| instruction_index(line).is_some());
    let is_reason = |line: &&&str| !is_noise(line);
    match last_instruction {
        Some(at) => lines[at + 1..].iter().find(is_reason).copied(),
        // Found before any path was followed: "unreachable insn 3".
        None => lines.iter().rfind(is_reason).copied(),
    }
}

/// The slot of the instruction that the reason is about.
pub(crate) fn instruction(log: &str) -> Option<usize> {
    if let Some(index) = log
        .lines()
        .rev()
        .find_map(|line| instruction_index(line.trim()))
    {
        return Some(index);
    }
    // "unreachable insn 3", "jump out of range from insn 0 to 5", "unknown opcode 8f".
    let (_, rest) = reason(log)?.split_once("insn ")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
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
        "func#",
        "from ",
        "Live regs before insn:",
        "frame",
        "caller:",
        "callee:",
        "returning from callee:",
        "to caller at ",
        "propagating ",
        "BPF program is too large",
    ];
    let is_state = |text: &str| {
        let name: String = text
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-')
            .collect();
        let known = name.starts_with('R') || name.starts_with("fp-");
        known && text[name.len()..].starts_with('=')
    };
    let after_index = match line.split_once(": ") {
        Some((index, rest)) if index.parse::<usize>().is_ok() => rest,
        _ => line,
    };
    line.is_empty()
        || STARTS.iter().any(|start| line.starts_with(start))
        || is_state(after_index)
        // "  0: .1........ (bf) r0 = r2", of the live registers.
        || after_index.starts_with('.')
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
    fn the_new_format_says_so() {
        let log = "0: (bf) r0 = r2\nVerification failed:\n  Reason: R2 is not readable\n  At: 0\n";
        assert_eq!(reason(log), Some("R2 is not readable"));
    }

    #[test]
    fn nothing_gives_nothing() {
        for log in ["", "\n\n", "processed 2 insns\n", ": (", "é: (é", "0: (é"] {
            assert_eq!(reason(log).filter(|_| log.len() < 3), None, "{log:?}");
            let _ = instruction(log);
        }
    }
}
