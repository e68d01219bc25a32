//! What the verifier refuses, at the instruction: the programs of `data/rejected.s`.

use super::common::{leak, load_plain};
use ebpf_asm::diag::Severity;
use ebpf_asm::link::{Linked, ObjectFunction, RelocationTarget, Scope, Symbol, link_program};
use ebpf_asm::syntax::ast::{self, Item};
use ebpf_asm::syntax::{TokenList, lex, parse_object};
use ebpf_rt::object::{
    FunctionRecord, LabelTable, LineTable, Linkage, MapDef, ProgramDef, ProgramKind, Relocation,
    RelocationKind,
};
use ebpf_rt::{Error, ErrorKind, KernelVersion, MapType, Object};
use kernel_test::{Need, Suite};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rejected.s");
const TEXT: &str = include_str!("../data/rejected.s");

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite.test("rejections::places_and_reasons", ROOT, places_and_reasons);
}

const BPF_F_RDONLY_PROG: u32 = 1 << 7;
const BPF_F_WRONLY_PROG: u32 = 1 << 8;

fn map(name: &'static str) -> MapDef {
    let (map_type, key, value, entries) = match name {
        "COUNTS" => (MapType::Hash, 4, 8, 16),
        "RECORDS" | "READ_ONLY" | "WRITE_ONLY" => (MapType::Array, 4, 48, 4),
        "CALLS" => (MapType::ProgArray, 4, 4, 4),
        "EVENTS" => (MapType::Ringbuf, 0, 0, 4096),
        "BUFFER" => (MapType::PercpuArray, 4, 4096, 1),
        "BUFFERS" => (MapType::Hash, 4, 4096, 16),
        _ => panic!("{name}"),
    };
    let flags = match name {
        "READ_ONLY" => BPF_F_RDONLY_PROG,
        "WRITE_ONLY" => BPF_F_WRONLY_PROG,
        _ => 0,
    };
    MapDef::new(name, map_type, key, value, entries).with_flags(flags)
}

fn kind(attribute: &str) -> Option<ProgramKind> {
    Some(match attribute {
        "socket_filter" => ProgramKind::SocketFilter,
        "raw_tracepoint" => ProgramKind::RawTracepoint { name: "sys_enter" },
        "sk_skb_stream_verdict" => ProgramKind::SkSkbStreamVerdict,
        "uprobe_session" => ProgramKind::UprobeSession {
            path: "",
            pattern: "",
        },
        _ => return None,
    })
}

/// A program of the file, and what is to become of it.
struct Rejected {
    name: String,
    kind: ProgramKind,
    license: &'static str,
    /// The kernels that take it.
    accepted_by: Vec<String>,
    /// Position among the file's functions.
    function: usize,
}

/// The parsed file.
struct File {
    tokens: TokenList,
    object: ast::Object,
}

impl File {
    fn parse() -> Self {
        let mut diagnostics = Vec::new();
        let tokens = lex(TEXT, &mut diagnostics);
        let mut parsed = parse_object(&tokens);
        diagnostics.append(&mut parsed.diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        Self {
            tokens,
            object: parsed.tree.unwrap(),
        }
    }

    fn functions(&self) -> Vec<&ast::Function> {
        let items = self.object.items.iter();
        items
            .filter_map(|item| match item {
                Item::Function(function) => Some(function),
                _ => None,
            })
            .collect()
    }

    fn maps(&self) -> Vec<MapDef> {
        let items = self.object.items.iter();
        items
            .filter_map(|item| match item {
                Item::Static(item) => Some(map(item.name.text.clone().leak())),
                _ => None,
            })
            .collect()
    }

    fn rejected(&self) -> Vec<Rejected> {
        let mut all = Vec::new();
        for (function, item) in self.functions().into_iter().enumerate() {
            let attributes = || item.attributes.iter();
            let Some(kind) = attributes().find_map(|attribute| kind(&attribute.name.text)) else {
                assert!(item.attributes.is_empty(), "{}", item.name.text);
                continue;
            };
            let accepted = attributes().find(|attribute| attribute.name.text == "accepted_by");
            let accepted = accepted.map(|attribute| {
                let range = &attribute.content;
                let text = self.tokens.render(range.start, range.end);
                let versions = text.split('"').skip(1).step_by(2);
                versions.map(str::to_owned).collect()
            });
            let is_gpl = attributes().all(|attribute| attribute.name.text != "proprietary");
            all.push(Rejected {
                name: item.name.text.clone(),
                kind,
                license: if is_gpl { "GPL" } else { "Proprietary" },
                accepted_by: accepted.unwrap_or_default(),
                function,
            });
        }
        all
    }

    fn link(&self, rejected: &Rejected) -> Linked {
        let items = self.functions();
        let functions: Vec<ObjectFunction<'_>> = items
            .iter()
            .map(|function| ObjectFunction {
                name: &function.name.text,
                linkage: Linkage::Static,
                body: &function.body,
            })
            .collect();
        let mut scope = Scope::default();
        for (at, map) in self.maps().iter().enumerate() {
            let symbol = Symbol::Map(at as u16);
            scope.symbols.insert(map.name.to_owned(), symbol);
        }
        for (at, function) in items.iter().enumerate() {
            let symbol = match function.attributes.is_empty() {
                true => Symbol::Function(at),
                false => Symbol::Program,
            };
            scope.symbols.insert(function.name.text.clone(), symbol);
        }
        let linked = link_program(&functions, rejected.function, &scope, None);
        let is_error = |d: &&ebpf_asm::Diagnostic| d.severity == Severity::Error;
        assert_eq!(linked.diagnostics.iter().find(is_error), None);
        linked
    }

    fn load(&self, rejected: &Rejected) -> Result<(), Error> {
        let linked = self.link(rejected);
        let lines: Vec<u8> = linked
            .spans
            .iter()
            .flat_map(|span| {
                let mut record = span.line.to_le_bytes().to_vec();
                record.extend((span.column as u16).to_le_bytes());
                record
            })
            .collect();
        let relocations = linked.relocations.iter().map(|relocation| {
            let RelocationTarget::Map { map, .. } = relocation.target else {
                panic!("{relocation:?}")
            };
            Relocation::new(relocation.insn, RelocationKind::MapFd { map })
        });
        let functions = linked.functions.iter().map(|function| {
            FunctionRecord::new(
                function.name.clone().leak(),
                function.insn,
                function.linkage,
            )
        });
        let program = ProgramDef::new(
            rejected.name.clone().leak(),
            rejected.kind,
            leak(linked.insns.clone()),
            leak(relocations.collect()),
            leak(functions.collect()),
            LineTable::new(FILE, lines.leak()),
        )
        .with_labels(LabelTable::EMPTY);
        let object = Object::new(
            "rejected",
            rejected.license,
            KernelVersion::DEFAULT_MINIMUM,
            leak(self.maps()),
            &[],
            leak(vec![program]),
        );
        load_plain(&object).map(drop)
    }
}

/// The marks of a function: place and what is said there.
fn marks(file: &File, rejected: &Rejected) -> Vec<(String, Vec<&'static str>)> {
    let linked = file.link(rejected);
    let lines: std::collections::BTreeSet<u32> = linked.spans.iter().map(|s| s.line).collect();
    let mut marks = Vec::new();
    for (number, line) in (1u32..).zip(TEXT.lines()) {
        let Some((_, reasons)) = line.split_once("# <- ").filter(|_| lines.contains(&number))
        else {
            continue;
        };
        let column = line.len() - line.trim_start().len() + 1;
        let reasons = reasons.split(" | ").map(str::trim).collect();
        marks.push((format!(" at {FILE}:{number}:{column}"), reasons));
    }
    assert!(!marks.is_empty(), "{} has no mark", rejected.name);
    marks
}

/// The kernel of the matrix that this is one of, by its version.
fn series() -> &'static str {
    let kernel = kernel_test::kernel_version();
    let known = [(5, 10), (6, 1), (6, 12), (6, 18)];
    match known.iter().position(|&version| kernel < version) {
        Some(0 | 1) => "5.10",
        Some(2) => "6.1",
        Some(3) => "6.12",
        _ if kernel < (6, 19) => "6.18",
        _ => "7.3",
    }
}

/// Each program is refused with the kernel's reason, at the instruction that is refused.
fn places_and_reasons() {
    let file = File::parse();
    let series = series();
    let (mut refused, mut wrong) = (0, Vec::new());
    for rejected in file.rejected() {
        let name = &rejected.name;
        let accepted = rejected.accepted_by.iter().any(|by| by == series);
        let error = match file.load(&rejected) {
            Ok(()) if accepted => continue,
            Ok(()) => {
                wrong.push(format!("{name}: accepted"));
                continue;
            }
            Err(_) if accepted => {
                wrong.push(format!("{name}: refused, and not accepted"));
                continue;
            }
            Err(error) => error,
        };
        refused += 1;
        let line = error.to_string();
        let fits = marks(&file, &rejected).iter().any(|(place, reasons)| {
            line.ends_with(place.as_str()) && reasons.iter().any(|reason| line.contains(reason))
        });
        let start = format!("rejected::{name}: rejected by the kernel: ");
        let drawn = format!("{error:#}");
        // The file is there, so that its lines are shown; and there is advice on each.
        let wanted = [
            format!("--> {FILE}:"),
            "# <- ".to_owned(),
            " = help: ".to_owned(),
        ];
        let is_drawn = wanted.iter().all(|part| drawn.contains(part));
        if error.kind() != ErrorKind::Rejected || !fits || !is_drawn || !line.starts_with(&start) {
            wrong.push(format!("{name}: {error:#}"));
        }
    }
    println!(
        "{} of {refused} refused programs have the right line, column and reason on {series}",
        refused - wrong.len().min(refused)
    );
    assert!(refused >= 50, "{refused}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
