//! What the checker suggests makes programs load: its suggestions are followed to the letter.

use super::rejections;
use super::text_object::{TextObject, TextProgram};
use ebpf_asm::Diagnostic;
use ebpf_asm::check::{Finding, MapFacts, Program, ReferenceKind, check, suggest};
use ebpf_asm::syntax::TokenList;
use ebpf_asm::syntax::ast::{StaticItem, TokenRange};
use ebpf_rt::object::{MapDef, ProgramKind};
use ebpf_rt::{ErrorKind, KernelVersion, MapType};
use kernel_test::{Need, Suite};

/// The mistakes as the macro sees them, and what rustc says about them.
const PRIMER: &str = include_str!("../../../ui-tests/tests/fail/primer.rs");
const PRIMER_ERRORS: &str = include_str!("../../../ui-tests/tests/fail/primer.stderr");

pub(crate) fn add(suite: &mut Suite) {
    suite.test("remedies::primer", &[Need::Root], primer);
    suite.test("remedies::of_each_kind", &[Need::Root], of_each_kind);
    suite.test(
        "remedies::what_some_kernel_accepts_is_no_error",
        &[],
        what_some_kernel_accepts_is_no_error,
    );
}

/// A map by its definition: `HashMap<u32, [u8; 4096]> = HashMap::with_max_entries(16)`.
fn map(tokens: &TokenList, item: &StaticItem) -> MapDef {
    let text = |range: TokenRange| tokens.render(range.start, range.end);
    let ty: String = text(item.ty).split_whitespace().collect();
    let (path, parameters) = ty.split_once('<').unwrap();
    let parameters = parameters.strip_suffix('>').unwrap();
    let size = |ty: &str| -> u32 {
        match ty {
            "u32" => 4,
            "u64" => 8,
            array => {
                let length = array.strip_prefix("[u8;").unwrap();
                length.strip_suffix(']').unwrap().parse().unwrap()
            }
        }
    };
    let (map_type, key, value) = match path.rsplit("::").next().unwrap() {
        "HashMap" => {
            let (key, value) = parameters.split_once(',').unwrap();
            (MapType::Hash, size(key), size(value))
        }
        "Array" => (MapType::Array, 4, size(parameters)),
        "PerCpuArray" => (MapType::PercpuArray, 4, size(parameters)),
        other => panic!("{other}"),
    };
    let definition = text(item.value);
    let (_, entries) = definition.rsplit_once('(').unwrap();
    let entries = entries.trim_end_matches([')', ' ']).trim().parse().unwrap();
    MapDef::new(item.name.text.clone().leak(), map_type, key, value, entries)
}

fn kind(attribute: &str) -> ProgramKind {
    match attribute {
        "raw_tracepoint" => ProgramKind::RawTracepoint { name: "sys_enter" },
        "socket_filter" => ProgramKind::SocketFilter,
        other => panic!("{other}"),
    }
}

/// The insides of a file's `ebpf!` blocks.
fn blocks(file: &str) -> Vec<&str> {
    let parts = file.split("\nebpf! {\n").skip(1);
    parts
        .map(|part| &part[..part.find("\n}\n").unwrap()])
        .collect()
}

/// What is found in a program, with suggestions.
fn findings(object: &TextObject, function: usize, oldest: KernelVersion) -> Vec<Finding> {
    let linked = object.link(function);
    let attributes = &object.functions()[function].attributes;
    let kind = attributes.iter().find_map(|a| {
        ProgramKind::ALL
            .iter()
            .find(|kind| kind.name() == a.name.text)
    });
    let mut program = Program::from_linked(&linked, true);
    program.maps = object
        .maps
        .iter()
        .map(|map| Some(MapFacts::from(map)))
        .collect();
    for reference in &mut program.references {
        // None of the texts has globals.
        if let ReferenceKind::MapOrValue(map) = reference.kind {
            reference.kind = ReferenceKind::Map(map);
        }
    }
    program.program_type = kind.map(|kind| kind.program_type());
    program.attach_type = kind.and_then(|kind| kind.expected_attach_type());
    program.gpl_compatible = Some(true);
    program.min_kernel = oldest;
    let mut findings = check(&program);
    suggest(&program, &mut findings);
    findings
}

fn diagnostic(object: &TextObject, function: usize, finding: &Finding) -> Diagnostic {
    let linked = object.link(function);
    finding.to_diagnostic(Some(object.object.name.span), |slot| {
        linked.spans[slot as usize]
    })
}

/// Refused as it is; once the suggestion is followed, by nobody. Gives the suggestion's lines.
fn follow(text: &str, function: usize) -> Vec<String> {
    let oldest = KernelVersion::DEFAULT_MINIMUM;
    let object = TextObject::parse(text, map);
    let item = object.functions()[function];
    let name = item.name.text.as_str();
    let program = TextProgram {
        name,
        kind: kind(&item.attributes[0].name.text),
        license: "GPL",
        function,
        file: file!(),
    };
    let error = object.load(&program, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{name}: {error:#}");
    let found = findings(&object, function, oldest);
    assert_eq!(found.len(), 1, "{name}: {found:#?}");
    let diagnostic = diagnostic(&object, function, &found[0]);
    assert!(diagnostic.help.is_empty(), "{name}: {diagnostic:#?}");
    let [suggestion] = &diagnostic.suggestions[..] else {
        panic!("{name}: {diagnostic:#?}")
    };
    let mended = suggestion.apply(text).unwrap();
    println!("{}\n", diagnostic.to_text());
    let object = TextObject::parse(&mended, map);
    assert_eq!(findings(&object, function, oldest), [], "{mended}");
    let loaded = object.load(&program, 0);
    assert!(
        loaded.is_ok(),
        "{name}: {:#}\n{mended}",
        loaded.unwrap_err()
    );
    let texts = suggestion.edits.iter().flat_map(|edit| edit.text.lines());
    texts.map(str::to_owned).collect()
}

/// The five mistakes of an introduction.
fn primer() {
    let mut followed = 0;
    for block in blocks(PRIMER) {
        let functions = TextObject::parse(block, map).functions().len();
        for function in 0..functions {
            followed += 1;
            for line in follow(block, function) {
                // rustc says the same.
                assert!(PRIMER_ERRORS.contains(&line), "{line}");
            }
        }
    }
    assert_eq!(followed, 5);
}

/// Each kind of suggestion, in other surroundings.
fn of_each_kind() {
    const BEFORE: &str = "#[license = \"GPL\"]
mod example {
    static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(16);
    static TABLE: Array<[u8; 600]> = Array::with_max_entries(1);
    #[raw_tracepoint(\"sys_enter\")]
    fn f(ctx: *mut c_void) -> i32 {\n";
    const LOOK_UP: &str =
        "*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = COUNTS ll\n call bpf_map_lookup_elem\n";
    let table = LOOK_UP.replace("COUNTS", "TABLE");
    let bodies = [
        // The context is lost in a call.
        "call bpf_ktime_get_ns\n r0 = *(u64 *)(r1 + 8)\n exit".to_owned(),
        // On one side of a branch nothing is returned, behind a label.
        "r2 = *(u64 *)(r1 + 8)\n if r2 == 1 goto out\n r0 = 1\n out: exit".to_owned(),
        // A label to leave to, and none.
        format!("{LOOK_UP} r1 = *(u64 *)(r0 + 0)\n out: r0 = 0\n exit"),
        format!("{LOOK_UP} r0 += 4\n r0 = *(u32 *)(r0 + 0); r0 = 7; exit"),
        // Null as an argument.
        format!("{LOOK_UP} r1 = r0\n r2 = 8\n call bpf_get_current_comm\n r0 = 0\n exit"),
        // A number of one byte is too large for the table behind its first 400 bytes.
        format!(
            "r6 = *(u8 *)(r1 + 8)\n {table} if r0 == 0 goto out\n r0 += 400\n r0 += r6\n r0 = *(u32 *)(r0 + 0)\n out: r0 = 0\n exit"
        )
        .replace("r6 = *(u8 *)(r1 + 8)", "r6 = *(u64 *)(r1 + 8)\n r6 &= 0xff"),
        // A number of any size, which may also be negative.
        format!(
            "r6 = *(u64 *)(r1 + 8)\n {table} if r0 == 0 goto out\n r0 += r6\n r0 = *(u8 *)(r0 + 0)\n out: r0 = 0\n exit"
        ),
        // Accesses below the frame, one of them in the first instruction.
        "*(u64 *)(r10 - 1024) = 5\n r1 = *(u64 *)(r10 - 1024)\n *(u32 *)(r10 - 1016) = w1\n r0 = 0\n exit"
            .to_owned(),
        // A number that is read through, with something on the stack already.
        "*(u64 *)(r10 - 8) = 7\n r2 = *(u64 *)(r1 + 0)\n r4 = *(u32 *)(r2 + 4)\n r0 = *(u64 *)(r10 - 8)\n exit"
            .to_owned(),
    ];
    for body in bodies {
        follow(&format!("{BEFORE}{body}\n    }}\n}}\n"), 0);
    }
}

/// Errors are only what every kernel from the object's oldest on refuses: of the programs that
/// one of the matrix refuses, none that a newer one accepts is an error.
fn what_some_kernel_accepts_is_no_error() {
    let (object, programs) = rejections::programs();
    let version = |text: &String| KernelVersion::parse(text).unwrap();
    let (mut accepted, mut found) = (0, 0);
    for program in &programs {
        let versions: Vec<KernelVersion> = program.accepted_by.iter().map(version).collect();
        let Some(&newest) = versions.iter().max() else {
            let of_any = findings(&object, program.function, KernelVersion::DEFAULT_MINIMUM);
            found += usize::from(!of_any.is_empty());
            continue;
        };
        accepted += 1;
        for oldest in [KernelVersion::DEFAULT_MINIMUM, versions[0], newest] {
            let of_range = findings(&object, program.function, oldest);
            assert_eq!(of_range, [], "{} from {oldest} on", program.name);
        }
    }
    println!(
        "{found} of {} programs are errors",
        programs.len() - accepted
    );
    assert!(accepted >= 5 && found >= 40, "{accepted}, {found}");
}
