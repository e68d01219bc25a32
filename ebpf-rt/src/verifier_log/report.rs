//! The report that Linux 7.3 puts below the trace.

/// The report of Linux 7.3: the reason in prose, and the way that led there.
///
/// ```
/// use ebpf_rt::verifier_log::Report;
///
/// /// The first line of it, for a terminal.
/// fn headline(report: &Report) -> String {
///     match &report.at {
///         Some(at) => format!("{} ({})", report.problem, at.text),
///         None => report.problem.clone(),
///     }
/// }
///
/// let log = ebpf_rt::verifier_log::VerifierLog::parse("Verification failed: Memory Safety\n");
/// assert_eq!(headline(log.report().unwrap()), "Memory Safety");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// `Memory Safety: Access outside bounds`.
    pub problem: String,
    /// Why, in sentences.
    pub reason: String,
    /// The place in question.
    pub at: Option<ReportStep>,
    /// What led there, the first step first.
    pub causes: Vec<ReportStep>,
    /// What to do.
    pub suggestion: String,
}

/// A place that a [`Report`] names.
///
/// ```
/// use ebpf_rt::verifier_log::{Report, ReportStep};
///
/// /// The instructions that a report names: what to colour in a listing.
/// fn slots(report: &Report) -> Vec<usize> {
///     let steps: Vec<&ReportStep> = report.causes.iter().chain(&report.at).collect();
///     steps.iter().filter_map(|step| step.slot).collect()
/// }
///
/// assert_eq!(slots(&Report::default()), []);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportStep {
    /// The slot of the instruction.
    pub slot: Option<usize>,
    /// What is said there: `branch: took the true branch of this conditional, goto followed`.
    pub text: String,
}

pub(super) const HEADING: &str = "Verification failed:";

#[derive(Clone, Copy, PartialEq)]
enum Section {
    Heading,
    Reason,
    At,
    Causes,
    Suggestion,
}

/// Reads a report line by line.
pub(super) struct Reader {
    report: Report,
    section: Section,
    /// What the numbers behind `>>>` are.
    in_instructions: bool,
}

impl Reader {
    /// Begins with the line of the heading.
    pub(super) fn new(line: &str) -> Option<Self> {
        let problem = line.strip_prefix(HEADING)?;
        Some(Self {
            report: Report {
                problem: problem.trim().to_owned(),
                ..Report::default()
            },
            section: Section::Heading,
            in_instructions: false,
        })
    }

    /// Takes the next line, if it is one of the report.
    pub(super) fn read(&mut self, line: &str) -> bool {
        if !line.starts_with([' ', '\t']) {
            self.section = match line.trim_end() {
                "" => return true,
                "Reason:" => Section::Reason,
                "At:" => Section::At,
                "Causal path:" => Section::Causes,
                "Suggestion:" => Section::Suggestion,
                _ => return false,
            };
            return true;
        }
        let text = line.trim();
        match self.section {
            Section::Heading => {}
            Section::Reason => add(&mut self.report.reason, text),
            Section::Suggestion => add(&mut self.report.suggestion, text),
            Section::At | Section::Causes => self.read_step(line, text),
        }
        true
    }

    pub(super) fn finish(self) -> Report {
        self.report
    }

    fn read_step(&mut self, line: &str, text: &str) {
        // A step begins in the third column.
        let begins = line.starts_with("  ") && !line.starts_with("   ");
        match text {
            "Instruction context:" => return self.in_instructions = true,
            "Source context:" => return self.in_instructions = false,
            _ => {}
        }
        if begins && !text.starts_with(">>>") {
            let slot = text.strip_prefix("insn ").and_then(|n| n.parse().ok());
            if slot.is_none() && !text.contains(" @ ") {
                return;
            }
            self.in_instructions = false;
            let step = ReportStep {
                slot,
                text: String::new(),
            };
            if self.section == Section::At {
                self.report.at = Some(step);
            } else {
                self.report.causes.push(step);
            }
            return;
        }
        let in_instructions = self.in_instructions;
        let Some(step) = self.step() else { return };
        if let Some(rest) = text.strip_prefix(">>>") {
            let number = rest.split('|').next().unwrap_or_default().trim();
            if in_instructions && step.slot.is_none() {
                step.slot = number.parse().ok();
            }
        } else if let Some(rest) = text.strip_prefix('|') {
            let rest = rest.trim();
            add(&mut step.text, rest.strip_prefix("^--").unwrap_or(rest));
        }
    }

    fn step(&mut self) -> Option<&mut ReportStep> {
        match self.section {
            Section::At => self.report.at.as_mut(),
            _ => self.report.causes.last_mut(),
        }
    }
}

/// Adds a line of wrapped prose.
fn add(to: &mut String, line: &str) {
    let line = line.trim();
    if !to.is_empty() && !line.is_empty() {
        to.push(' ');
    }
    to.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Report, usize) {
        let mut lines = text.lines();
        let mut reader = Reader::new(lines.next().unwrap()).unwrap();
        let taken = lines.take_while(|line| reader.read(line)).count();
        (reader.finish(), taken)
    }

    #[test]
    fn with_numbers_of_instructions() {
        let text = "Verification failed: Register Type Safety: Unreadable register\n\nReason:\n  \
            R1 is not readable here. A previous operation\n  invalidated it.\n\nAt:\n  insn 16\n\
            \x20      | ^-- error: R1 is not readable\n  Instruction context:\n      15 | (85) call x\n\
            \x20 >>> 16 | (61) r2 = *(u32 *)(r1 +0)\n\nCausal path:\n  insn 15\n       | ^-- \
            invalidated: R1: previous value was sock at\n       |     offset 0\n  Instruction \
            context:\n  >>> 15 | (85) call x\n\n  insn 14\n       | ^-- branch: took it\n\nSuggestion:\n  \
            Avoid it.\n\nprocessed 17 insns\n";
        let (report, taken) = read(text);
        assert_eq!(report.problem, "Register Type Safety: Unreadable register");
        assert_eq!(
            report.reason,
            "R1 is not readable here. A previous operation invalidated it."
        );
        let step = |slot, text: &str| ReportStep {
            slot: Some(slot),
            text: text.into(),
        };
        assert_eq!(report.at, Some(step(16, "error: R1 is not readable")));
        let first = "invalidated: R1: previous value was sock at offset 0";
        assert_eq!(
            report.causes,
            [step(15, first), step(14, "branch: took it")]
        );
        assert_eq!(report.suggestion, "Avoid it.");
        assert_eq!(text.lines().nth(taken + 1), Some("processed 17 insns"));
    }

    #[test]
    fn with_lines_of_source() {
        let (report, _) = read(
            "Verification failed: A: B\n\nAt:\n  main_prog @ main.rs:13:1\n  Source context:\n      \
             12 |     r1 = 0\n  >>> 13 | r0 = 5\n         | ^-- error: R3 is not readable\n  \
             Instruction context:\n      1 | (15) if r0 == 0x5 goto pc+1\n  >>> 3 | (79) r2 = \
             *(u64 *)(r3 +0)\n",
        );
        let at = report.at.unwrap();
        assert_eq!(at.slot, Some(3));
        assert_eq!(at.text, "error: R3 is not readable");
    }
}
