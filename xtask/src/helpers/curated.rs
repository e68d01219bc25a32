//! The curated rows, xtask/data/helpers.tsv. Its own head describes the columns.

use crate::Result;

/// One helper.
pub(crate) struct Curated {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) since: (u8, u8),
    pub(crate) might_sleep: bool,
    pub(crate) packet_access: bool,
    /// What to use in its place.
    pub(crate) deprecated: Option<String>,
    pub(crate) common: Form,
    pub(crate) variants: Vec<Form>,
    pub(crate) doc: String,
}

/// One form of a helper: what some program types see of it.
pub(crate) struct Form {
    pub(crate) is_variant: bool,
    pub(crate) program_types: Types,
    /// Which of the header's prototypes of that name describes it, counted from 1.
    pub(crate) prototype: usize,
    pub(crate) gpl_only: bool,
    pub(crate) ret: Kind,
    pub(crate) args: Vec<Kind>,
}

/// An argument or return kind with what stands around it. Names are Rust's here; the compiler
/// tells when the table's types have no such variant or flag.
#[derive(Debug, PartialEq)]
pub(crate) struct Kind {
    pub(crate) kind: String,
    pub(crate) flags: Vec<String>,
    pub(crate) size: Option<u8>,
    pub(crate) btf_type: Option<String>,
}

/// Program types by name.
pub(crate) enum Types {
    /// These.
    Only(Vec<String>),
    /// All of the header's but these.
    AllBut(Vec<String>),
}

impl Types {
    /// The set with a bit for each number; `names` are the header's, by number.
    pub(crate) fn bits(&self, names: &[String]) -> Result<u64> {
        let (Self::Only(listed) | Self::AllBut(listed)) = self;
        let mut bits = 0u64;
        for name in listed {
            let number = names.iter().position(|known| known == name);
            bits |= 1 << number.ok_or_else(|| format!("the header has no program type {name}"))?;
        }
        Ok(match self {
            Self::Only(_) => bits,
            // Number 0 is no type.
            Self::AllBut(_) => ((1 << names.len()) - 2) & !bits,
        })
    }
}

pub(crate) fn parse(text: &str) -> Result<Vec<Curated>> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#') && !line.is_empty())
        .map(|(at, line)| row(line).map_err(|error| format!("helpers.tsv:{}: {error}", at + 1)))
        .collect()
}

fn row(line: &str) -> Result<Curated> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, name, since, flags, ret, args, types, variants, doc] = columns[..] else {
        return Err(format!("{} columns where 9 belong", columns.len()));
    };
    let mut common = Form {
        is_variant: false,
        program_types: program_types(types),
        prototype: 1,
        gpl_only: false,
        ret: kind(ret)?,
        args: kinds(args)?,
    };
    let (mut might_sleep, mut packet_access) = (false, false);
    let mut deprecated = None;
    for flag in flags.split(',').filter(|flag| *flag != "-") {
        match flag {
            "gpl" => common.gpl_only = true,
            "sleep" => might_sleep = true,
            "packet" => packet_access = true,
            _ => match flag.strip_prefix("deprecated=") {
                Some(instead) => deprecated = Some(instead.to_owned()),
                None => {
                    return Err(format!(
                        "no flag `{flag}`: gpl, sleep, packet, deprecated=… or -"
                    ));
                }
            },
        }
    }
    if doc.is_empty() || !doc.ends_with('.') {
        return Err("the description is missing or does not end in a full stop".to_owned());
    }
    Ok(Curated {
        id: id.parse().map_err(|_| format!("`{id}` is no id"))?,
        name: name.to_owned(),
        since: version(since).ok_or_else(|| format!("`{since}` is no kernel version"))?,
        might_sleep,
        packet_access,
        deprecated,
        common,
        variants: variants
            .split(" / ")
            .filter(|form| *form != "-")
            .map(variant)
            .collect::<Result<_>>()?,
        doc: doc.to_owned(),
    })
}

fn version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `A,B` or `* -C -D`.
fn program_types(text: &str) -> Types {
    match text.strip_prefix('*') {
        Some(without) => Types::AllBut(
            without
                .split_whitespace()
                .map(|name| name.trim_start_matches('-').to_owned())
                .collect(),
        ),
        None => Types::Only(text.split(',').map(str::to_owned).collect()),
    }
}

/// `TYPES@N: FLAGS RETURN ARGUMENTS`.
fn variant(text: &str) -> Result<Form> {
    let strange = || format!("`{text}` is no `TYPES: FLAGS RETURN ARGUMENTS`");
    let (types, rest) = text.split_once(": ").ok_or_else(strange)?;
    let (types, prototype) = match types.split_once('@') {
        Some((types, number)) => (
            types,
            number.parse().ok().filter(|&n| n > 0).ok_or_else(strange)?,
        ),
        None => (types, 1),
    };
    let (flags, rest) = rest.split_once(' ').ok_or_else(strange)?;
    let (ret, args) = rest.split_once(' ').ok_or_else(strange)?;
    Ok(Form {
        is_variant: true,
        program_types: program_types(types),
        prototype,
        gpl_only: match flags {
            "gpl" => true,
            "-" => false,
            _ => return Err(strange()),
        },
        ret: kind(ret)?,
        args: kinds(args)?,
    })
}

fn kinds(text: &str) -> Result<Vec<Kind>> {
    text.split(' ')
        .filter(|word| *word != "-")
        .map(kind)
        .collect()
}

/// `PTR_TO_MEM[8]|UNINIT|WRITE`, `PTR_TO_BTF_ID(inode)|NULLABLE`.
fn kind(text: &str) -> Result<Kind> {
    let mut parts = text.split('|');
    let mut name = parts.next().unwrap_or_default();
    let mut size = None;
    let mut btf_type = None;
    if let Some((before, inside)) = name.split_once('[') {
        let digits = inside
            .strip_suffix(']')
            .and_then(|digits| digits.parse().ok());
        size = Some(digits.ok_or_else(|| format!("`{text}`: no size in the brackets"))?);
        name = before;
    }
    if let Some((before, inside)) = name.split_once('(') {
        let inside = inside
            .strip_suffix(')')
            .ok_or_else(|| format!("`{text}`: no `)`"))?;
        btf_type = Some(inside.to_owned());
        name = before;
    }
    if name.is_empty() {
        return Err(format!("`{text}` is no kind"));
    }
    Ok(Kind {
        kind: camel_case(name),
        flags: parts.map(str::to_owned).collect(),
        size,
        btf_type,
    })
}

/// The kernel's `PTR_TO_RINGBUF_MEM` as Rust's `PtrToRingbufMem`.
fn camel_case(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            format!("{first}{}", rest.to_ascii_lowercase())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_kinds() {
        let found = kind("PTR_TO_MEM[8]|UNINIT|WRITE").unwrap();
        assert_eq!(found.kind, "PtrToMem");
        assert_eq!(found.flags, ["UNINIT", "WRITE"]);
        assert_eq!(found.size, Some(8));
        let found = kind("PTR_TO_BTF_ID(inode)").unwrap();
        assert_eq!(
            (found.kind.as_str(), found.btf_type.as_deref()),
            ("PtrToBtfId", Some("inode"))
        );
        assert_eq!(camel_case("PTR_TO_PERCPU_BTF_ID"), "PtrToPercpuBtfId");
        for wrong in ["", "X[", "X[a]", "X(y"] {
            assert!(kind(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reads_rows() {
        let line = "5\tbpf_x\t4.1\tgpl,sleep\tVOID\t-\t* -XDP\tXDP@2: - INTEGER SCALAR\tDoes x.";
        let row = row(line).unwrap();
        assert_eq!((row.id, row.since), (5, (4, 1)));
        assert!(row.common.gpl_only && row.might_sleep && !row.packet_access);
        assert!(row.common.args.is_empty());
        let names = ["UNSPEC", "A", "XDP"].map(str::to_owned);
        assert_eq!(row.common.program_types.bits(&names), Ok(0b010));
        assert_eq!(row.variants.len(), 1);
        assert_eq!(row.variants[0].program_types.bits(&names), Ok(0b100));
        assert_eq!(row.variants[0].prototype, 2);
        assert!(!row.variants[0].gpl_only);
    }

    #[test]
    fn strange_rows_are_refused_by_line() {
        let good = "5\tbpf_x\t4.1\t-\tVOID\t-\tXDP\t-\tDoes x.";
        assert!(parse(good).is_ok());
        for (from, to) in [
            ("4.1", "4"),
            ("VOID", ""),
            ("\t-\tVOID", "\tgpk\tVOID"),
            ("x.", "x"),
            ("5", ""),
        ] {
            let error = parse(&format!("# head\n{}", good.replacen(from, to, 1))).err();
            assert!(
                error.is_some_and(|error| error.starts_with("helpers.tsv:2: ")),
                "{to}"
            );
        }
    }

    #[test]
    fn the_data_is_sound() {
        let rows = parse(include_str!("../../data/helpers.tsv")).unwrap();
        for (row, id) in rows.iter().zip(1..) {
            assert_eq!(row.id, id, "{}", row.name);
        }
    }
}
