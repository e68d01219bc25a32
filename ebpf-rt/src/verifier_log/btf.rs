//! The log of `BPF_BTF_LOAD`: another one, with types instead of instructions.

use core::fmt;

/// What the kernel says about BTF that it refuses.
///
/// Its `Display` is one line: the type, its member if it is about one, and the reason.
///
/// ```
/// use ebpf_rt::verifier_log::BtfLog;
///
/// let log = BtfLog::parse(
///     "magic: 0xeb9f\nversion: 1\n[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n\
///      [2] STRUCT event size=4 vlen=1\n\tpid type_id=9 bits_offset=0 Invalid type_id\n",
/// )
/// .unwrap();
/// assert_eq!(log.type_id, Some(2));
/// assert_eq!(log.to_string(), "STRUCT event, member pid: Invalid type_id");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BtfLog<'a> {
    /// The number of the type in question.
    pub type_id: Option<u32>,
    /// Its kind, as the kernel spells it: `STRUCT`.
    pub kind: &'a str,
    /// Its name; empty if it has none.
    pub name: &'a str,
    /// The member in question.
    pub member: Option<&'a str>,
    /// The reason.
    pub reason: &'a str,
}

impl<'a> BtfLog<'a> {
    /// Reads a log; `None` if it gives no reason.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.lines().rev().filter(|line| !line.trim().is_empty());
        let last = lines.next()?;
        if let Some(member) = last.strip_prefix('\t') {
            let owner = lines.find(|line| line.starts_with('['));
            let owner = owner.and_then(Self::of_type);
            let (name, rest) = member.split_once(' ').unwrap_or((member, ""));
            return Some(Self {
                member: Some(name).filter(|name| !name.is_empty()),
                reason: behind_details(rest),
                ..owner.unwrap_or(Self::plain(""))
            })
            .filter(|log| !log.reason.is_empty());
        }
        let log = Self::of_type(last).unwrap_or(Self::plain(last.trim()));
        // The header's lines, and a type about which nothing is wrong.
        let is_detail = log.type_id.is_none()
            && log
                .reason
                .split_once(": ")
                .is_some_and(|(name, _)| !name.contains(' '));
        (!log.reason.is_empty() && !is_detail).then_some(log)
    }

    const fn plain(reason: &'a str) -> Self {
        Self {
            type_id: None,
            kind: "",
            name: "",
            member: None,
            reason,
        }
    }

    /// `[2] STRUCT event size=4 vlen=1 Invalid name`.
    fn of_type(line: &'a str) -> Option<Self> {
        let (id, rest) = line.strip_prefix('[')?.split_once(']')?;
        let rest = rest.trim_start();
        let (kind, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        // The type that is a name's place: `(anon)`.
        Some(Self {
            type_id: id.parse().ok(),
            kind,
            name: if name == "(anon)" { "" } else { name },
            member: None,
            reason: behind_details(rest),
        })
    }
}

/// What stands behind `size=4 vlen=1`.
fn behind_details(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if !word.contains('=') {
            return text.trim_end();
        }
        text = rest;
    }
}

impl fmt::Display for BtfLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.type_id, self.name) {
            (None, _) => {}
            (Some(id), "") => write!(f, "{} number {id}", self.kind)?,
            (Some(_), name) => write!(f, "{} {name}", self.kind)?,
        }
        if let Some(member) = self.member {
            write!(f, ", member {member}")?;
        }
        if self.type_id.is_some() || self.member.is_some() {
            f.write_str(": ")?;
        }
        f.write_str(self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(log: &str) -> Option<String> {
        BtfLog::parse(log).map(|log| log.to_string())
    }

    #[test]
    fn what_the_kernel_says() {
        let header = "magic: 0xeb9f\nversion: 1\nflags: 0x0\nbtf_total_size: 60\n";
        for (log, expected) in [
            ("No type found\n", "No type found"),
            ("Invalid magic\n", "Invalid magic"),
            (
                "[1] STRUCT (anon) size=4 vlen=0 Invalid name\n",
                "STRUCT number 1: Invalid name",
            ),
            (
                "[1] PTR (anon) type_id=7 Invalid type_id\n",
                "PTR number 1: Invalid type_id",
            ),
            (
                "[1] INT x size=4 bits_offset=0 nr_bits=99 encoding=(none) nr_bits exceeds type_size\n",
                "INT x: nr_bits exceeds type_size",
            ),
        ] {
            assert_eq!(line(&format!("{header}{log}")).as_deref(), Some(expected));
        }
        assert_eq!(line(header), None);
        assert_eq!(line("[1] INT x size=4 bits_offset=0\n"), None);
        assert_eq!(line(""), None);
    }
}
