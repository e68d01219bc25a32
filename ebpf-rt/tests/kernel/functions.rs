//! Functions: pasted ones at work, and that the limits which the macros know are the kernel's.

use super::common::{load_plain, object, slots};
use core::ffi::c_void;
use ebpf_asm::diag::{Rule, Severity};
use ebpf_asm::link::{Linked, ObjectFunction, Scope, Symbol, link_program};
use ebpf_asm::syntax::ast::Item;
use ebpf_rt::isa::{Insn, Instruction, JmpOp, Register::R0, Width};
use ebpf_rt::object::{LineTable, Linkage, ProgramDef, ProgramKind};
use ebpf_rt::{Error, ebpf, ebpf_asm};
use kernel_test::{Need, Suite, kernel_version};
use std::os::unix::net::UnixDatagram;

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite.test("functions::inline", ROOT, inline);
    suite.test("functions::call_depth", ROOT, call_depth);
    suite.test("functions::stack", ROOT, stack);
    suite.test("functions::no_false_alarm", ROOT, no_false_alarm);
}

ebpf! {
    #[license = "GPL"]
    mod pasted {
        #[socket_filter]
        fn keep(ctx: *mut c_void) -> i32 {
            r0 = *(u32 *)(r1 + 0);
            call at_most_four;
            call add_one;
            call at_most_four;
            call add_one;
            exit;
        }

        /// Cuts r0.
        #[inline]
        fn at_most_four() {
            if r0 <= 4 goto done;
            r0 = 4;
        done:
            exit;
        }

        #[inline(always)]
        fn add_one() {
            if r0 != 0 goto add;
            exit;
        add:
            r0 += 1;
            exit;
        }
    }
}

fn inline() {
    let keep = pasted::OBJECT.programs[0];
    assert_eq!(keep.functions.len(), 1);
    assert_eq!(
        keep.insns
            .iter()
            .filter(|insn| insn.opcode() == 0x85)
            .count(),
        0
    );
    let (from, to) = UnixDatagram::pair().unwrap();
    let pasted = pasted::load().unwrap();
    let _link = pasted.progs.keep.attach_to(&to).unwrap();
    from.send(b"Hello, world").unwrap();
    let mut buffer = [0; 16];
    let length = to.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"Hello");
}

/// What the kernel says to a program.
fn load(kind: ProgramKind, insns: &'static [Insn]) -> Result<(), Error> {
    let program = ProgramDef::new("limits", kind, insns, &[], &[], LineTable::EMPTY);
    load_plain(&object(vec![], vec![program])).map(drop)
}

const OPENAT: ProgramKind = ProgramKind::Tracepoint {
    category: "syscalls",
    name: "sys_enter_openat",
};

/// A chain of functions that call each other, the program first. With `dead` the first call stands
/// where it never comes to it; the kernel may notice that.
fn chain(functions: usize, dead: bool) -> &'static [Insn] {
    let mut instructions = vec![];
    if dead {
        instructions.extend([
            Instruction::mov_imm(R0, 0),
            Instruction::branch_imm(Width::W64, JmpOp::Eq, R0, 0, 1),
        ]);
    }
    // Each is a call and `exit`, and calls the one behind it.
    for _ in 1..functions {
        instructions.extend([Instruction::call_local(1), Instruction::exit()]);
    }
    instructions.extend([Instruction::mov_imm(R0, 0), Instruction::exit()]);
    slots(&instructions)
}

/// Kernels allow eight active functions, or since lately sixteen: what all take and what none takes.
fn call_depth() {
    for kind in [ProgramKind::SocketFilter, OPENAT] {
        for dead in [false, true] {
            load(kind, chain(8, dead)).unwrap();
            let error = load(kind, chain(17, dead)).unwrap_err().to_string();
            assert!(error.contains("too deep"), "{error}");
        }
    }
}

fn stack() {
    const LARGE: &[Insn] = ebpf_asm! {
        *(u64 *)(r10 - 400) = 0;
        call f;
        exit;
    f:
        *(u64 *)(r10 - 400) = 0;
        r0 = 0;
        exit;
    }
    .into_static();
    const IF_EVER: &[Insn] = ebpf_asm! {
        r1 = 0;
        if r1 == 0 goto out;
        *(u64 *)(r10 - 400) = 0;
    out:
        call f;
        exit;
    f:
        *(u64 *)(r10 - 400) = 0;
        r0 = 0;
        exit;
    }
    .into_static();
    let error = format!("{:#}", load(ProgramKind::SocketFilter, LARGE).unwrap_err());
    assert!(
        error.contains("combined stack size of 2 calls is"),
        "{error}"
    );
    // A stack for each function: no error of ours, also for older kernels.
    let private = load(OPENAT, LARGE);
    assert_eq!(private.is_ok(), kernel_version() >= (6, 13), "{private:?}");
    load(ProgramKind::SocketFilter, IF_EVER).unwrap();
}

/// Numbers that look like chance and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's constants; the upper bits are the better ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// An object whose functions use stack and call those behind them, on some ways.
fn random_object(random: &mut Random, attribute: &str) -> String {
    let functions = 2 + random.below(5);
    let mut source = String::from("mod m {\n");
    for function in 0..functions {
        if function == 0 {
            source += &format!("#[{attribute}]\n");
        }
        source += &format!("fn f{function}() {{\n");
        let mut open = Vec::new();
        for label in 0..1 + random.below(5) {
            // Conditions that the verifier knows the outcome of, and ones that it does not.
            match random.below(4) {
                0 => source += &format!("r1 = {}; if r1 == 0 goto l{label};\n", random.below(2)),
                1 => {
                    source += "call bpf_get_prandom_u32;\n";
                    source += &format!("if r0 == {} goto l{label};\n", random.below(3));
                }
                _ => {}
            }
            open.push(label);
            for _ in 0..1 + random.below(3) {
                let offset = 8 * (1 + random.below(63));
                match random.below(3) {
                    0 => source += &format!("*(u64 *)(r10 - {offset}) = 1;\n"),
                    1 => source += &format!("r2 = 1; *(u8 *)(r10 - {offset}) = r2;\n"),
                    _ if function + 1 < functions => {
                        let callee = function + 1 + random.below(functions - function - 1);
                        source += &format!("call f{callee};\n");
                    }
                    _ => source += "r0 = 2;\n",
                }
            }
            if random.below(2) == 0 {
                for label in open.drain(..) {
                    source += &format!("l{label}:\n");
                }
            }
        }
        for label in open {
            source += &format!("l{label}:\n");
        }
        source += "r0 = 0; exit;\n}\n";
    }
    source + "}"
}

/// Links the first function; whether the limits of stack and calls are said to be broken.
fn link_random(source: &str) -> (Linked, bool) {
    let mut diagnostics = Vec::new();
    let tokens = ebpf_asm::syntax::lex(source, &mut diagnostics);
    let object = ebpf_asm::syntax::parse_object(&tokens).tree.unwrap();
    let mut scope = Scope::default();
    let mut functions = Vec::new();
    for item in &object.items {
        let Item::Function(function) = item else {
            continue;
        };
        let attribute = function.attributes.first().map(|a| a.name.text.as_str());
        let kind = attribute.and_then(ProgramKind::from_name);
        let symbol = Symbol::Function(functions.len());
        scope.symbols.insert(function.name.text.clone(), symbol);
        functions.push(ObjectFunction {
            name: &function.name.text,
            linkage: Linkage::Static,
            inline: false,
            program_type: kind.map(ProgramKind::program_type),
            body: &function.body,
        });
    }
    let linked = link_program(&functions, 0, &scope, None);
    let mut errors = linked.diagnostics.iter();
    let errors = errors.by_ref().filter(|d| d.severity == Severity::Error);
    let rules: Vec<Rule> = errors.map(|diagnostic| diagnostic.code).collect();
    let limits = [Rule::StackSize, Rule::CallDepth];
    assert!(
        rules.iter().all(|rule| limits.contains(rule)),
        "{rules:?}\n{source}"
    );
    let broken = !rules.is_empty();
    (linked, broken)
}

/// What is said to be too much is too much: no kernel takes it.
fn no_false_alarm() {
    let mut random = Random(20);
    let (mut said, mut refused) = (0, 0);
    for round in 0..600 {
        let kind = match round % 3 {
            0 => OPENAT,
            _ => ProgramKind::SocketFilter,
        };
        let source = random_object(&mut random, kind.name());
        let (linked, broken) = link_random(&source);
        let insns: &'static [Insn] = linked.insns.leak();
        let result = load(kind, insns);
        // Other mistakes are not made here, but for code that cannot be reached by any way.
        let limit = match &result {
            Ok(()) => false,
            Err(error) => {
                let text = error.to_string();
                let limit = text.contains("combined stack size") || text.contains("too deep");
                assert!(
                    limit || text.contains("unreachable insn"),
                    "{text}\n{source}"
                );
                if !limit {
                    continue;
                }
                true
            }
        };
        assert!(limit || !broken, "{source}");
        said += u32::from(broken);
        refused += u32::from(limit);
    }
    assert!(said > 20 && refused > said, "{said} of {refused}");
}
