//! What the macros make, seen from a user's crate under strict lints.
#![deny(
    warnings,
    missing_docs,
    non_snake_case,
    non_upper_case_globals,
    unexpected_cfgs,
    unused_qualifications,
    unreachable_pub,
    missing_debug_implementations,
    trivial_casts,
    trivial_numeric_casts,
    clippy::all,
    clippy::pedantic
)]

use core::ffi::c_void;
use core::mem::{offset_of, size_of};
use ebpf_asm::link::{ObjectFunction, Scope, Symbol, link_program};
use ebpf_asm::syntax::ast::Item;
use ebpf_rt::isa::Insn;
use ebpf_rt::object::{ConstantField, ProgramKind, RelocationKind};
use ebpf_rt::{Array, Code, Global, HashMap, KernelVersion, Pod, Rodata, ebpf, ebpf_asm};

/// What user and program share.
#[derive(Clone, Copy, Debug, Pod)]
#[repr(C)]
pub struct Event {
    pid: u32,
    flags: u32,
    time: u64,
}

const NOEXIST: u64 = 1;
const OFFSETS: [i16; 2] = [-8, -16];

ebpf! {
    /// An object that uses all of the language's items.
    #[license = "Dual MIT/GPL"]
    #[min_kernel = "5.15"]
    pub mod everything {
        use core::primitive::u16 as Short;

        /// Documented.
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);
        #[cfg(any())]
        static LEFT_OUT: HashMap<u32, u64> = HashMap::with_max_entries(1);
        pub(crate) static EVENTS: Array<Event> = Array::with_max_entries(2 + 2);
        static LIMITS: Rodata<[u32; 2]> = Rodata::new([3, 4]);
        static TOTAL: Global<u64> = Global::new(7);

        /// Set by the loader.
        const PORT: u16;
        const WIDE: u64;
        const LOCAL: Short = 12;

        #[tracepoint(category = "syscalls", name = "sys_enter_openat")]
        fn first(ctx: *mut c_void) -> i32 {
            r1 = COUNTS ll;
            r2 = EVENTS ll;
            r3 = LIMITS + 4 ll;
            r4 = TOTAL ll;
            r4 = NOEXIST;
            r5 = { offset_of!(Event, time) };
            *(u64 *)(r10 - {size_of::<u64>()}) = {size_of::<Event>()};
            r5 = *(u64 *)(r10 + {OFFSETS[0]});
            r0 = PORT;
            r0 = WIDE ll;
            r0 += LOCAL;
            call helper_function;
            exit;
        }

        #[cfg(any())]
        #[socket_filter]
        fn left_out(ctx: *mut c_void) -> i32 { r0 = 0; exit }

        /// Documented.
        #[socket_filter]
        fn second(ctx: *mut c_void) -> i32 {
            r0 = 0;
            exit;
        }

        fn helper_function(a: u64) -> u64 {
            r0 = r1;
            exit;
        }
    }
}

mod nested {
    /// Another object in another module, private, under the same names.
    pub(crate) mod deeper {
        use core::ffi::c_void;
        use ebpf_rt::{HashMap, ebpf};

        ebpf! {
            #[license = "MIT"]
            pub(crate) mod everything {
                static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(8);
                #[raw_tracepoint("sys_enter")]
                fn first(ctx: *mut c_void) -> i32 { r1 = COUNTS ll; r0 = 0; exit }
            }
        }
    }
}

/// A whole object from `macro_rules!`, its parts as fragments.
macro_rules! counter {
    ($(#[$doc:meta])* $vis:vis $name:ident, $map:ident: $key:ty, $size:expr, $imm:literal, $register:ident, $operation:tt) => {
        ebpf! {
            $(#[$doc])*
            #[license = "GPL"]
            $vis mod $name {
                static $map: HashMap<$key, u64> = HashMap::with_max_entries($size);
                #[socket_filter]
                fn run(ctx: *mut c_void) -> i32 {
                    r1 = $map ll;
                    $register = $imm;
                    $register $operation {$size};
                    r0 = $size;
                    exit;
                }
            }
        }
    };
}

counter! {
    /// Made by a macro.
    pub made, NAMES: [u8; 16], 4 * 4, -5, r7, +=
}

#[test]
fn the_object_says_what_was_written() {
    let object = &everything::OBJECT;
    assert_eq!(object.name, "everything");
    assert_eq!(object.license, "Dual MIT/GPL");
    assert_eq!(object.min_kernel, KernelVersion::new(5, 15));
    let names: Vec<_> = object.maps.iter().map(|map| map.name).collect();
    assert_eq!(names, ["COUNTS", "EVENTS", "LIMITS", "TOTAL"]);
    let names: Vec<_> = object.programs.iter().map(|program| program.name).collect();
    assert_eq!(names, ["first", "second"]);
    let events = object.map("EVENTS").unwrap();
    assert_eq!(
        (events.key_size, events.value_size, events.max_entries),
        (4, 16, 4)
    );
    let first = object.program("first").unwrap();
    assert_eq!(
        first.kind,
        ProgramKind::Tracepoint {
            category: "syscalls",
            name: "sys_enter_openat"
        }
    );
    let functions: Vec<_> = first.functions.iter().map(|f| (f.name, f.insn)).collect();
    assert_eq!(functions, [("first", 0), ("helper_function", 18)]);
}

#[test]
fn operands_become_what_rust_says() {
    let insns = everything::OBJECT.program("first").unwrap().insns;
    assert_eq!(insns[8].imm(), 1);
    assert_eq!(insns[9].imm(), 8);
    assert_eq!((insns[10].offset(), insns[10].imm()), (-8, 16));
    assert_eq!(insns[11].offset(), -8);
    assert_eq!(insns[15].imm(), 12);
    // The call goes to the function behind the program: slot 18.
    assert_eq!((insns[16].src(), insns[16].imm()), (1, 1));
}

#[test]
fn symbols_become_relocations() {
    let relocations = everything::OBJECT.program("first").unwrap().relocations;
    let kinds: Vec<_> = relocations.iter().map(|r| (r.insn, r.kind)).collect();
    assert_eq!(
        kinds,
        [
            (0, RelocationKind::MapFd { map: 0 }),
            (2, RelocationKind::MapFd { map: 1 }),
            (4, RelocationKind::MapValue { map: 2 }),
            (6, RelocationKind::MapValue { map: 3 }),
            (
                12,
                RelocationKind::Constant {
                    constant: 0,
                    field: ConstantField::SignedImm
                }
            ),
            (
                13,
                RelocationKind::Constant {
                    constant: 1,
                    field: ConstantField::Imm64
                }
            ),
        ]
    );
    let insns = everything::OBJECT.program("first").unwrap().insns;
    assert_eq!(insns[5].imm(), 4, "the offset into LIMITS");
}

#[test]
fn every_slot_knows_its_line() {
    let second = everything::OBJECT.program("second").unwrap();
    assert!(
        second.lines.file.ends_with("tests/macros.rs"),
        "{}",
        second.lines.file
    );
    let source = include_str!("macros.rs");
    let (line, column) = second.lines.get(0).unwrap();
    let text = source.lines().nth(line as usize - 1).unwrap();
    assert_eq!(&text[usize::from(column) - 1..], "r0 = 0;");
    assert_eq!(second.lines.get(1), Some((line + 1, column)));
    assert_eq!(second.lines.get(2), None);
}

#[test]
fn fragments_of_macros_are_operands() {
    let run = made::OBJECT.program("run").unwrap();
    assert_eq!(made::OBJECT.map("NAMES").unwrap().key_size, 16);
    assert_eq!(run.insns[2].imm(), -5);
    assert_eq!(run.insns[3].imm(), 16);
    assert_eq!(run.insns[4].imm(), 16);
    assert_eq!(nested::deeper::everything::OBJECT.maps[0].max_entries, 8);
}

#[test]
fn code_is_a_constant() {
    const FILTER: Code = ebpf_asm! { r0 = 4; exit };
    const ARRAY: &[Insn] = ebpf_asm! { r0 = { 2 * 2 }; exit }.into_static();
    static STATIC: Code = ebpf_asm! {
    again:
        r1 = 0x1122_3344_5566_7788 ll;
        if r1 s< -1 goto again;
        exit;
    };
    assert_eq!(FILTER.insns(), ARRAY);
    assert_eq!(STATIC.len(), 4);
    assert_eq!(STATIC.insns()[2].offset(), -3);
    let here = ebpf_asm! { r1 = b'a'; *(u8 *)(r10 - 1) = b'\n'; };
    assert_eq!((here.insns()[0].imm(), here.insns()[1].imm()), (97, 10));
}

fn size_in_code<T>() -> Code {
    ebpf_asm! { r1 = { size_of::<T>() }; r2 = -{ size_of::<T>() } ll; exit }
}

#[test]
fn operands_see_the_generics_around_them() {
    assert_eq!(size_in_code::<Event>().insns()[0].imm(), 16);
    assert_eq!(size_in_code::<u8>().insns()[2].imm(), -1);
}

#[test]
fn edges_of_operands_fit() {
    let code = ebpf_asm! {
        r1 = { i32::MIN };
        w1 = { u32::MAX };
        r1 = { u64::MAX } ll;
        r1 = { i64::MIN } ll;
        r1 <<= { 63u8 };
        *(u8 *)(r10 - { 32768i32 }) = { 255u8 };
        *(u8 *)(r10 + { i16::MAX }) = -{ 128 };
        if w1 == { 0xffff_fffe_u32 } goto +0;
        exit;
    };
    let imms: Vec<_> = code.insns().iter().map(|insn| insn.imm()).collect();
    assert_eq!(
        imms,
        [i32::MIN, -1, -1, -1, 0, i32::MIN, 63, 255, -128, -2, 0]
    );
}

#[test]
fn a_file_holds_code() {
    let code = ebpf_rt::include_ebpf!("data/sequence.s");
    assert_eq!(
        code,
        ebpf_asm! { r0 = 64; if r1 == 0 goto +1; r0 = 8; exit }
    );
}

ebpf_rt::include_ebpf!("data/object.s");

#[test]
fn a_file_holds_an_object() {
    assert_eq!(from_file::OBJECT.license, "GPL");
    let count = from_file::OBJECT.program("count").unwrap();
    assert_eq!(count.lines.get(0), Some((11, 9)));
    assert!(count.lines.file.ends_with("object.s"));
    let lines: Vec<_> = from_file::OBJECT.source.iter().take(2).collect();
    assert_eq!(lines, [(11, "r2 = COUNTS ll"), (12, "r1 = LIMIT")]);
    assert_eq!(count.insns[2].imm(), 40);
    assert_eq!(count.functions.len(), 2);
}

ebpf! {
    #[license = "GPL"]
    mod labelled {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(16);
        const PORT: u16;

        #[socket_filter]
        fn filter(ctx: *mut c_void) -> i32 {
            r1 = COUNTS ll;
            if r1 == PORT goto done;
            call inner;
        done:
            r0 = 0;
            exit;
        }

        fn inner() -> i32 {
        again:
            r0 = 1;
            if r0 == 0 goto again;
            if r0 != 0 goto done;
        done:
            exit;
        }
    }
}

#[test]
fn a_listing_has_the_labels_of_the_source_and_reads_back() {
    let listing = labelled::OBJECT.to_string();
    let expected = "\
object labelled
license \"GPL\"
kernel 5.10
map COUNTS: hash, key 4, value 8, entries 16
const PORT: u16

program filter: socket_filter
       0: 18 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00  r1 = COUNTS ll
       2: 15 01 01 00 00 00 00 00  if r1 == PORT goto done
       3: 85 10 00 00 02 00 00 00  call inner
done:
       4: b7 00 00 00 00 00 00 00  r0 = 0
       5: 95 00 00 00 00 00 00 00  exit
fn inner:
again:
       6: b7 00 00 00 01 00 00 00  r0 = 1
       7: 15 00 fe ff 00 00 00 00  if r0 == 0 goto again
       8: 55 00 00 00 00 00 00 00  if r0 != 0 goto done
done:
       9: 95 00 00 00 00 00 00 00  exit";
    assert_eq!(listing, expected);
    let read = ebpf_asm::import::listing(&listing).unwrap();
    assert_eq!(read.insns(), labelled::OBJECT.programs[0].insns);
    let code = ebpf_asm! { top: if r1 == 0 goto top; exit };
    assert_eq!(code.labels().collect::<Vec<_>>(), [(0, "top")]);
    assert_eq!(code.to_string().lines().next(), Some("top:"));
}

/// What the kernel calls `struct task_struct`.
struct TaskStruct;

ebpf! {
    #[license = "GPL"]
    mod asks {
        extern "kernel" {
            fn bpf_task_release(task: *mut TaskStruct);
            #[weak]
            fn bpf_strcmp(s1: *const core::ffi::c_char, s2: *const u8) -> i32;
            /// Ticks.
            static jiffies: u64;
            #[weak]
            static init_task: TaskStruct;
        }

        #[raw_tracepoint("sys_enter")]
        fn read(ctx: *mut c_void) -> i32 {
            r1 = jiffies ll;
            r2 = *(u32 *)(r1 + offsetof(task_struct.se.vruntime));
            r3 = bpf_strcmp ll;
            if r3 == exists(task_struct.pid) goto done;
            call bpf_strcmp;
            r4 = enumval(bpf_func_id.BPF_FUNC_loop) ll;
            *(u64 *)(r10 - 8) = sizeof(task_struct);
            r2 = exists(task_struct.pid);
            call bpf_task_release;
        done:
            r0 = 0;
            exit;
        }
    }
}

ebpf_rt::include_ebpf!("data/kernel.s");

#[test]
fn what_is_asked_of_the_kernel_is_shown_and_reads_back() {
    let listing = asks::OBJECT.to_string();
    let expected = "\
object asks
license \"GPL\"
kernel 5.10
extern \"kernel\" fn bpf_task_release(task: *mut TaskStruct)
extern \"kernel\" fn bpf_strcmp(s1: *const core::ffi::c_char, s2: *const u8) -> i32, weak
extern \"kernel\" static jiffies: u64
extern \"kernel\" static init_task: TaskStruct, weak

program read: raw_tracepoint(\"sys_enter\")
       0: 18 31 00 00 00 00 00 00 00 00 00 00 00 00 00 00  r1 = jiffies ll
       2: 61 12 00 00 00 00 00 00  r2 = *(u32 *)(r1 + offsetof(task_struct.se.vruntime))
       3: 18 33 00 00 00 00 00 00 00 00 00 00 00 00 00 00  r3 = bpf_strcmp ll
       5: 15 03 06 00 00 00 00 00  if r3 == exists(task_struct.pid) goto done
       6: 85 20 00 00 00 00 00 00  call bpf_strcmp
       7: 18 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00  r4 = enumval(bpf_func_id.BPF_FUNC_loop) ll
       9: 7a 0a f8 ff 00 00 00 00  *(u64 *)(r10 - 8) = sizeof(task_struct)
      10: b7 02 00 00 00 00 00 00  r2 = exists(task_struct.pid)
      11: 85 20 00 00 00 00 00 00  call bpf_task_release
done:
      12: b7 00 00 00 00 00 00 00  r0 = 0
      13: 95 00 00 00 00 00 00 00  exit";
    assert_eq!(listing, expected);
    let read = ebpf_asm::import::listing(&listing).unwrap();
    assert_eq!(read.insns(), asks::OBJECT.programs[0].insns);
    // The third column is source: an object of it is the same.
    let source: String = expected
        .lines()
        .skip_while(|line| !line.starts_with("program "))
        .skip(1)
        .map(|line| line.split("  ").last().unwrap_or_default().to_owned() + "\n")
        .collect();
    let source = format!(
        "#[license = \"GPL\"] mod again {{\nextern \"kernel\" {{ fn bpf_task_release(); fn bpf_strcmp(); static jiffies: u64; }}\n#[raw_tracepoint(\"sys_enter\")]\nfn read(ctx: *mut u8) -> i32 {{\n{source}}}\n}}"
    );
    let mut diagnostics = Vec::new();
    let tokens = ebpf_asm::syntax::lex(&source, &mut diagnostics);
    let parsed = ebpf_asm::syntax::parse_object(&tokens);
    assert_eq!(
        (diagnostics, parsed.diagnostics),
        (vec![], vec![]),
        "{source}"
    );
    let names = ["bpf_task_release", "bpf_strcmp"].into_iter().zip(0..);
    let symbols = names.map(|(name, at)| (name.to_owned(), Symbol::KernelFunction(at)));
    let mut scope = Scope {
        user_helpers: None,
        symbols: symbols.collect(),
        open: false,
    };
    let jiffies = Symbol::KernelVariable(2);
    scope.symbols.insert("jiffies".to_owned(), jiffies);
    let object = parsed.tree.unwrap();
    let Some(Item::Function(function)) = object.items.last() else {
        panic!("{object:?}")
    };
    let function = ObjectFunction {
        name: "read",
        linkage: ebpf_rt::object::Linkage::Static,
        inline: false,
        program_type: None,
        body: &function.body,
    };
    let linked = link_program(&[function], 0, &scope, None);
    assert_eq!(linked.diagnostics, []);
    assert_eq!(linked.insns, asks::OBJECT.programs[0].insns);
    let relocated: Vec<_> = linked.relocations.iter().map(|r| r.insn).collect();
    let first: Vec<_> = asks::OBJECT.programs[0]
        .relocations
        .iter()
        .map(|r| r.insn)
        .collect();
    assert_eq!(relocated, first);
}

#[test]
fn kernel_symbols_have_the_types_that_rust_knows() {
    use ebpf_rt::object::{KernelSymbolKind, KernelType};
    let symbols = asks::OBJECT.kernel_symbols;
    let i32_type = KernelType::Integer {
        size: 4,
        signed: true,
    };
    let kinds: Vec<_> = symbols.iter().map(|symbol| symbol.kind).collect();
    assert_eq!(
        kinds,
        [
            KernelSymbolKind::Function {
                parameters: &[KernelType::Pointer { to: "TaskStruct" }],
                result: KernelType::Void
            },
            KernelSymbolKind::Function {
                parameters: &[
                    KernelType::Pointer { to: "c_char" },
                    KernelType::Pointer { to: "u8" }
                ],
                result: i32_type
            },
            KernelSymbolKind::Variable {
                ty: KernelType::Integer {
                    size: 8,
                    signed: false
                }
            },
            KernelSymbolKind::Variable {
                ty: KernelType::Other { name: "TaskStruct" }
            },
        ]
    );
    let weak: Vec<_> = symbols.iter().map(|symbol| symbol.weak).collect();
    assert_eq!(weak, [false, true, false, true]);
    // Each fact is there once.
    assert_eq!(asks::OBJECT.kernel_constants.len(), 4);
}

#[test]
fn a_file_asks_the_kernel_too() {
    let object = &asks_from_file::OBJECT;
    assert_eq!(object.kernel_symbols.len(), 2);
    let kinds: Vec<_> = object.programs[0]
        .relocations
        .iter()
        .map(|r| r.insn)
        .collect();
    assert_eq!(kinds, [0, 2, 3, 4]);
    let listing = object.to_string();
    assert!(
        listing.contains("r2 = *(u8 *)(r1 + offsetof(task_struct.comm[3]))"),
        "{listing}"
    );
}

/// The dependency under another name.
mod renamed {
    use ebpf_rt as kernel;

    #[derive(Clone, Copy, kernel::Btf)]
    #[btf(crate = kernel, name = "event")]
    #[repr(C)]
    pub(super) struct Event {
        pub(super) pid: u32,
        pub(super) name: [u8; 16],
    }
}

#[test]
fn types_are_described_as_they_lie() {
    use ebpf_rt::BtfType;
    use ebpf_rt::object::TypeDef;
    let TypeDef::Struct(event) = renamed::Event::TYPE else {
        panic!("{:?}", renamed::Event::TYPE)
    };
    assert_eq!((event.name, event.size), ("event", 20));
    let members: Vec<_> = event.members.iter().map(|m| (m.name, m.offset)).collect();
    assert_eq!(members, [("pid", 0), ("name", 4)]);
    let event = renamed::Event {
        pid: 1,
        name: [0; 16],
    };
    assert_eq!((event.pid, event.name[0]), (1, 0));
}
