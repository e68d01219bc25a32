use crate::isa::Register::{R0, R1, R2, R3};
use crate::isa::{AluOp, ImmediateSource, Insn, Instruction, JmpOp, Size, Width};
use crate::object::{
    Code, ConstantDef, ConstantField, ConstantType, FunctionRecord, LineTable, Linkage, MapDef,
    Object, ProgramDef, ProgramKind, Relocation, RelocationKind,
};
use crate::{KernelVersion, MapType};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

fn code(instructions: &[Instruction]) -> Code {
    let slots = instructions.iter().map(|i| i.encode().to_vec());
    Code::from_vec(slots.collect::<Vec<_>>().concat())
}

fn labels(names: &[(u32, &str)]) -> Vec<(u32, String)> {
    names
        .iter()
        .map(|&(slot, name)| (slot, name.into()))
        .collect()
}

/// What is left of a listing without the columns of numbers and bytes.
#[cfg(feature = "text")]
fn third_column(listing: &str) -> String {
    let text = listing.lines().map(|line| match line.split_once("  ") {
        Some((_, rest)) if line.starts_with(' ') => match rest.trim_start().split_once("  ") {
            Some((_, text)) => text,
            None => panic!("{line}"),
        },
        _ => line,
    });
    text.collect::<Vec<_>>().join("\n")
}

#[test]
fn code_with_and_without_labels() {
    let code = code(&[
        Instruction::load_imm64(R1, 0x1122_3344_5566_7788),
        Instruction::branch_imm(Width::W64, JmpOp::Eq, R0, 0, 1),
        Instruction::call_helper(1),
        Instruction::exit(),
        Instruction::alu_imm(Width::W64, AluOp::Lsh, R1, 64),
        Instruction::goto(-2),
        Instruction::call_helper(9999),
        Instruction::exit(),
    ]);
    let expected =
        "       0: 18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11  r1 = 0x1122334455667788 ll
       2: 15 00 01 00 00 00 00 00  if r0 == 0 goto +1
       3: 85 00 00 00 01 00 00 00  call bpf_map_lookup_elem
       4: 95 00 00 00 00 00 00 00  exit
       5: 67 01 00 00 40 00 00 00  .8byte 0x0000004000000167  # r1 <<= 64
       6: 05 00 fe ff 00 00 00 00  goto -2
       7: 85 00 00 00 0f 27 00 00  call 9999
       8: 95 00 00 00 00 00 00 00  exit";
    assert_eq!(code.to_string(), expected);
    assert_eq!(alloc::format!("{code:#}"), expected);

    let code = code.with_labels(labels(&[(4, "done"), (4, "out"), (5, "twice"), (9, "end")]));
    let expected =
        "       0: 18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11  r1 = 0x1122334455667788 ll
       2: 15 00 01 00 00 00 00 00  if r0 == 0 goto done
       3: 85 00 00 00 01 00 00 00  call bpf_map_lookup_elem
done:
out:
       4: 95 00 00 00 00 00 00 00  exit
twice:
       5: 67 01 00 00 40 00 00 00  .8byte 0x0000004000000167  # r1 <<= 64
       6: 05 00 fe ff 00 00 00 00  goto twice
       7: 85 00 00 00 0f 27 00 00  call 9999
       8: 95 00 00 00 00 00 00 00  exit
end:";
    assert_eq!(code.to_string(), expected);
    let expected = "    r1 = 0x1122334455667788 ll
    if r0 == 0 goto done
    call bpf_map_lookup_elem
done:
out:
    exit
twice:
    .8byte 0x0000004000000167  # r1 <<= 64
    goto twice
    call 9999
    exit
end:";
    assert_eq!(code.plain().to_string(), expected);
    assert_eq!(Code::from_vec(Vec::new()).to_string(), "");
}

#[cfg(feature = "text")]
#[test]
fn the_third_column_assembles_to_the_same_bytes() {
    let code = code(&[
        Instruction::call_local(1),
        Instruction::goto(100),
        Instruction::load_imm64(R1, 5),
        // Into the second half of the constant.
        Instruction::goto(-2),
        Instruction::load_imm64(crate::isa::Register::R10, 5),
        Instruction::load_pseudo(R1, ImmediateSource::Function, -3, 0),
        Instruction::store_imm(Size::Byte, R1, 0, 256),
        Instruction::call_helper(1),
        Instruction::call_helper(2),
        Instruction::call_local(-8),
        Instruction::exit(),
    ]);
    let names = [
        (2, "lookup"),
        (3, "half"),
        (5, "r5"),
        (5, "bpf_map_lookup_elem"),
        (4, "lookup"),
    ];
    let code = code.with_labels(labels(&names));
    let listing = code.to_string();
    for (slot, text) in [
        (0, "call lookup"),
        (1, ".8byte 0x0000000000640005  # goto +100"),
        (4, ".8byte 0x00000000fffe0005  # goto -2"),
        (
            5,
            ".8byte 0x0000000500000a18; .8byte 0x0000000000000000  # r10 = 0x5 ll",
        ),
        (9, ".8byte 0x0000010000000172  # *(u8 *)(r1 + 0) = 256"),
        // The name is a label's here.
        (10, "call 1"),
        (11, "call bpf_map_update_elem"),
        // And a label of a helper's name is not one to call.
        (12, "call pc-8"),
    ] {
        let start = alloc::format!("{slot:>8}: ");
        let line = listing
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap();
        assert!(line.ends_with(&alloc::format!("  {text}")), "{line}");
    }
    assert!(
        !listing.contains("half:") && !listing.contains("r5:"),
        "{listing}"
    );
    assert_eq!(crate::assemble(&third_column(&listing)).unwrap(), code);
    let again = crate::assemble(&code.plain().to_string()).unwrap();
    assert_eq!(again, code);
    let found: Vec<_> = again.labels().collect();
    assert_eq!(found, [(2, "lookup"), (5, "bpf_map_lookup_elem")]);
}

/// The same listing without its columns of numbers and bytes.
fn without_numbers(listing: &str) -> String {
    let text =
        listing.lines().map(
            |line| match line.split_once("00  ").or(line.split_once("11  ")) {
                Some((columns, text)) if columns.starts_with(' ') => alloc::format!("    {text}"),
                _ => line.into(),
            },
        );
    text.collect::<Vec<_>>().join("\n")
}

static MAPS: [MapDef; 2] = [
    MapDef::new("COUNTS", MapType::Hash, 4, 8, 1024),
    MapDef::new("CONFIG", MapType::Array, 4, 16, 1)
        .with_flags(0x80)
        .with_initial(&[0; 16])
        .frozen(),
];
static CONSTANTS: [ConstantDef; 1] = [ConstantDef::new("PORT", ConstantType::U16)];
static LINES: [u8; 12] = [12, 0, 0, 0, 9, 0, 12, 0, 0, 0, 9, 0];

fn leak<T>(list: Vec<T>) -> &'static [T] {
    Box::leak(list.into_boxed_slice())
}

fn object(relocations: Vec<Relocation>) -> Object {
    let count: &'static [Insn] = leak(
        code(&[
            Instruction::load_map_fd(R1, 0),
            Instruction::load_pseudo(R2, ImmediateSource::MapValue, 0, 8),
            Instruction::branch_imm(Width::W64, JmpOp::Ne, R2, 0, 0),
            Instruction::alu_imm(Width::W64, AluOp::Div, R2, 0),
            Instruction::load(Size::Half, R3, R2, 0),
            Instruction::call_local(3),
            Instruction::load_pseudo(R1, ImmediateSource::Function, 2, 0),
            Instruction::exit(),
            Instruction::alu_reg(Width::W32, AluOp::Add, R0, R1),
            Instruction::exit(),
            Instruction::exit(),
        ])
        .into_insns(),
    );
    let functions = leak(Vec::from([
        FunctionRecord::new("count", 0, Linkage::Static),
        FunctionRecord::new("bump", 11, Linkage::Static),
        FunctionRecord::new("check", 13, Linkage::Global),
    ]));
    let category = ProgramKind::Tracepoint {
        category: "syscalls",
        name: "sys_enter_openat",
    };
    let lines = LineTable::new("src/main.rs", &LINES);
    let main = ProgramDef::new(
        "count",
        category,
        count,
        leak(relocations),
        functions,
        lines,
    );
    let filter = ProgramKind::SocketFilter;
    let exit = leak(code(&[Instruction::exit()]).into_insns());
    let filter = ProgramDef::new("drop", filter, exit, &[], &[], LineTable::EMPTY);
    Object::new(
        "opens",
        "GPL",
        KernelVersion::new(5, 10),
        &MAPS,
        &CONSTANTS,
        leak(Vec::from([main, filter])),
    )
}

fn constant(insn: u32, field: ConstantField) -> Relocation {
    Relocation::new(insn, RelocationKind::Constant { constant: 0, field })
}

#[test]
fn an_object_by_its_names() {
    let object = object(Vec::from([
        Relocation::new(0, RelocationKind::MapFd { map: 0 }),
        Relocation::new(2, RelocationKind::MapValue { map: 1 }),
        constant(4, ConstantField::SignedImm),
        constant(5, ConstantField::Divisor { bits: 64 }),
        constant(6, ConstantField::Offset),
    ]));
    let expected = r#"object opens
license "GPL"
kernel 5.10
map COUNTS: hash, key 4, value 8, entries 1024
map CONFIG: array, key 4, value 16, entries 1, flags 0x80, initial 16 bytes, frozen
const PORT: u16

program count: tracepoint("syscalls", "sys_enter_openat")
       0: 18 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00  r1 = COUNTS ll
       2: 18 22 00 00 00 00 00 00 00 00 00 00 08 00 00 00  r2 = CONFIG + 8 ll
       4: 55 02 00 00 00 00 00 00  if r2 != PORT goto +0
       5: 37 02 00 00 00 00 00 00  r2 /= PORT
       6: 69 23 00 00 00 00 00 00  r3 = *(u16 *)(r2 + PORT)
       7: 85 10 00 00 03 00 00 00  call bump
       8: 18 41 00 00 02 00 00 00 00 00 00 00 00 00 00 00  r1 = bump ll
      10: 95 00 00 00 00 00 00 00  exit
fn bump:
      11: 0c 10 00 00 00 00 00 00  w0 += w1
      12: 95 00 00 00 00 00 00 00  exit
pub fn check:
      13: 95 00 00 00 00 00 00 00  exit

program drop: socket_filter
       0: 95 00 00 00 00 00 00 00  exit"#;
    assert_eq!(object.to_string(), expected);
    assert_eq!(object.plain().to_string(), without_numbers(expected));

    let detailed = alloc::format!("{object:#}");
    for line in [
        "  r1 = COUNTS ll  # src/main.rs:12:9, map_fd",
        "  r2 = CONFIG + 8 ll  # map_value",
        "  if r2 != PORT goto +0  # constant",
        "  call bump",
    ] {
        assert!(
            detailed.lines().any(|found| found.ends_with(line)),
            "{line}: {detailed}"
        );
    }
    assert_eq!(detailed.lines().count(), expected.lines().count());
}

#[test]
fn relocations_that_make_no_sense_are_shown_as_numbers() {
    let object = object(Vec::from([
        Relocation::new(0, RelocationKind::MapFd { map: 7 }),
        // The second half of an instruction, and nowhere.
        constant(1, ConstantField::Imm32),
        Relocation::new(
            5,
            RelocationKind::Constant {
                constant: 9,
                field: ConstantField::Imm32,
            },
        ),
        constant(999, ConstantField::Imm32),
    ]));
    let listing = object.to_string();
    assert!(listing.contains("  ld_pseudo r1, 1, 0\n"), "{listing}");
    assert!(
        listing.contains("  .8byte 0x0000000000000237  # r2 /= 0\n"),
        "{listing}"
    );
}

#[test]
fn maps_show_what_they_hold_and_what_their_kind_has() {
    static MAPS: [MapDef; 2] = [
        MapDef::new("TABLES", MapType::ArrayOfMaps, 4, 4, 8)
            .with_inner(&MapDef::new("", MapType::Hash, 4, 8, 16).with_flags(1)),
        MapDef::new("SEEN", MapType::BloomFilter, 0, 4, 100).with_extra(3),
    ];
    let object = Object::new("o", "GPL", KernelVersion::new(5, 16), &MAPS, &[], &[]);
    let listing = object.to_string();
    let lines: Vec<&str> = listing.lines().skip(3).collect();
    assert_eq!(
        lines,
        [
            "map TABLES: array_of_maps, key 4, value 4, entries 8, of (hash, key 4, value 8, \
             entries 16, flags 0x1)",
            "map SEEN: bloom_filter, key 0, value 4, entries 100, extra 0x3",
        ]
    );
}
