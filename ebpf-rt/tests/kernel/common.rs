//! Objects put together at run time, and what tests look at.

use ebpf_rt::btf::Kind;
use ebpf_rt::isa::{Insn, Instruction, Register::*, Size, Width};
use ebpf_rt::load::{Loaded, Options, load};
use ebpf_rt::object::{LineTable, MapDef, ProgramDef, ProgramKind, Relocation, RelocationKind};
use ebpf_rt::{Error, KernelVersion, Object, kernel_btf};
use std::time::{Duration, Instant};

pub(crate) fn leak<T>(values: Vec<T>) -> &'static [T] {
    values.leak()
}

pub(crate) fn slots(instructions: &[Instruction]) -> &'static [Insn] {
    let slots = instructions.iter().flat_map(|i| i.encode().to_vec());
    leak(slots.collect())
}

/// A program without relocations.
pub(crate) fn program(
    name: &'static str,
    kind: ProgramKind,
    instructions: &[Instruction],
) -> ProgramDef {
    ProgramDef::new(name, kind, slots(instructions), &[], &[], LineTable::EMPTY)
}

/// A program whose every use of a map is of the map with the number in its immediate.
pub(crate) fn program_with_maps(
    name: &'static str,
    kind: ProgramKind,
    instructions: &[Instruction],
) -> ProgramDef {
    let insns = slots(instructions);
    let mut relocations = Vec::new();
    let mut skip = false;
    for (at, insn) in insns.iter().enumerate() {
        if skip || !insn.is_wide() {
            skip = false;
            continue;
        }
        skip = true;
        let map = insn.imm() as u16;
        match insn.src() {
            1 => relocations.push(Relocation::new(at as u32, RelocationKind::MapFd { map })),
            2 => relocations.push(Relocation::new(at as u32, RelocationKind::MapValue { map })),
            _ => {}
        }
    }
    ProgramDef::new(name, kind, insns, leak(relocations), &[], LineTable::EMPTY)
}

pub(crate) fn object(maps: Vec<MapDef>, programs: Vec<ProgramDef>) -> Object {
    let minimum = KernelVersion::DEFAULT_MINIMUM;
    Object::new("test", "GPL", minimum, leak(maps), &[], leak(programs))
}

pub(crate) fn load_plain(object: &Object) -> Result<Loaded, Error> {
    load(object, &[], &[], &[], &Options::default())
}

/// `r0 = value; exit`.
pub(crate) fn returns(value: i32) -> [Instruction; 2] {
    [Instruction::mov_imm(R0, value), Instruction::exit()]
}

/// Adds 1 to the `u64` that is map 0's only value.
pub(crate) fn counts_up() -> [Instruction; 5] {
    use ebpf_rt::isa::{AtomicOp, ImmediateSource};
    [
        Instruction::load_pseudo(R1, ImmediateSource::MapValue, 0, 0),
        Instruction::mov_imm(R2, 1),
        Instruction::atomic(Width::W64, AtomicOp::Add, R1, 0, R2),
        Instruction::mov_imm(R0, 0),
        Instruction::exit(),
    ]
}

/// `bpf_trace_printk("kt %d", number)`.
pub(crate) fn prints(number: i32) -> [Instruction; 9] {
    let format = u64::from_ne_bytes(*b"kt %d\0\0\0");
    [
        Instruction::load_imm64(R1, format),
        Instruction::store_reg(Size::Double, R10, -8, R1),
        Instruction::mov_reg(R1, R10),
        Instruction::alu_imm(Width::W64, ebpf_rt::isa::AluOp::Add, R1, -8),
        Instruction::mov_imm(R2, 6),
        Instruction::mov_imm(R3, number),
        Instruction::call_helper(6),
        Instruction::mov_imm(R0, 0),
        Instruction::exit(),
    ]
}

/// Waits until it is so, for at most five seconds.
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    condition()
}

/// A system call that nothing else makes in numbers.
pub(crate) fn make_system_calls(count: usize) {
    for _ in 0..count {
        // Opens a directory: an openat(2) for certain.
        std::fs::File::open("/").unwrap();
    }
}

pub(crate) fn cgroup2() -> Result<(), String> {
    kernel_test::cgroup2()
        .map(drop)
        .ok_or("cgroup2 is not mounted".into())
}

/// Bytes from the start of a type of the kernel to a member.
pub(crate) fn offset(of: &str, member: &str) -> u16 {
    let btf = kernel_btf::vmlinux().unwrap();
    let ty = btf.find(of, Kind::Struct).unwrap();
    let bits = btf.member(ty, member).unwrap().bit_offset;
    u16::try_from(bits / 8).unwrap()
}

pub(crate) fn own_tid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::gettid() }.cast_unsigned()
}
