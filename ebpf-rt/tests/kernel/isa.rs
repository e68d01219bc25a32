//! Every row of the instruction table that the kernel can load is loaded, in a minimal
//! program; the others are listed here with the reason, and are refused.

use ebpf_rt::isa::{
    Definition, Form, ImmediateSource, Instruction, Register, Register::*, Size, TABLE,
};
use ebpf_rt::maps::Map;
use ebpf_rt::{Array, KernelVersion};
use kernel_test::bpf::load_socket_filter;
use kernel_test::{Need, Suite, kernel_version};
use std::os::fd::{AsFd, AsRawFd};

pub(crate) fn add(suite: &mut Suite) {
    suite.test("isa::every_row", &[Need::Root], every_row);
}

/// Why a minimal program cannot have this instruction.
fn exception(form: Form) -> Option<&'static str> {
    match form {
        Form::Internal(_) => Some("the kernel itself inserts it"),
        Form::CallIndirect => Some("no kernel accepts it"),
        Form::GotoIndirect => Some("needs an instruction array map"),
        Form::CallKfunc => Some("needs the number of a kernel function in BTF"),
        Form::AddressSpaceCast => Some("needs an arena"),
        Form::LoadImm64(ImmediateSource::BtfId) => Some("needs the number of a variable in BTF"),
        Form::LoadImm64(ImmediateSource::Function) => Some("needs BTF of the function"),
        _ => None,
    }
}

/// What maintainers have brought to older series: 6.1.176 (Debian's 6.1.0-50) jumps over code with it.
/// The table has the versions of the main line.
const BACKPORTS: [(Form, (u8, u8)); 1] = [(Form::GotoLong, (6, 1))];

/// The instruction of this row with operands that are fine in [`program_of`].
fn instruction_of(row: &Definition, map_fd: i32) -> Instruction {
    let form = row.form;
    let of = |dst: Register, src: Register, offset: i16, imm: i32| {
        Instruction::from_parts(form, dst, src, offset, imm, 0)
    };
    match form {
        // Stack memory that is initialised; r2 is a number.
        Form::Load(_) | Form::LoadSigned(_) | Form::LoadAcquire(_) => of(R1, R10, -8, 0),
        Form::Store(..) | Form::Atomic(..) | Form::StoreRelease(_) => of(R10, R2, -8, 3),
        Form::LoadImm64(ImmediateSource::MapFd | ImmediateSource::MapValue) => {
            of(R1, R0, 0, map_fd)
        }
        // The first of the load's array of descriptors.
        Form::LoadImm64(ImmediateSource::MapIndex | ImmediateSource::MapIndexValue) => {
            of(R1, R0, 0, 0)
        }
        Form::PacketAbsolute(_) | Form::PacketIndirect(_) => of(R0, R2, 0, 0),
        // Over the one instruction that follows.
        Form::Branch(..) | Form::MayGoto => of(R1, R2, 1, 3),
        // To the next, or what is jumped over could not be reached.
        Form::Goto | Form::GotoLong => of(R0, R0, 0, 0),
        // bpf_get_smp_processor_id
        Form::CallHelper => of(R0, R0, 0, 8),
        // Over `r0 = 0; exit`.
        Form::CallLocal => of(R0, R0, 0, 2),
        _ => of(R1, R2, 0, 3),
    }
}

fn program_of(instruction: Instruction) -> Vec<u8> {
    let mut program = vec![Instruction::mov_reg(R6, R1)];
    for (register, number) in [(R0, 0), (R1, 1), (R2, 2)] {
        program.push(Instruction::mov_imm(register, number));
    }
    program.push(Instruction::store_imm(Size::Double, R10, -8, 0));
    program.push(instruction);
    if instruction.form() != Form::Exit {
        program.push(Instruction::mov_imm(R0, 0));
        program.push(Instruction::exit());
    }
    if instruction.form() == Form::CallLocal {
        program.push(Instruction::mov_imm(R0, 0));
        program.push(Instruction::exit());
    }
    program
        .iter()
        .flat_map(|instruction| instruction.encode().to_vec())
        .flat_map(|slot| slot.to_ne_bytes())
        .collect()
}

fn every_row() {
    let map = Array::<u64>::create(1).unwrap();
    let map_fd = map.as_raw().as_fd().as_raw_fd();
    let (major, minor) = kernel_version();
    let running = KernelVersion::new(major, minor);
    let has = |row: &Definition| {
        row.min_kernel.is_some_and(|minimum| minimum <= running)
            || BACKPORTS.contains(&(row.form, (major, minor)))
    };
    let mut wrong = Vec::new();
    let mut accepted = 0;
    for row in &TABLE {
        let expected = exception(row.form).is_none() && has(row);
        let program = program_of(instruction_of(row, map_fd));
        let descriptors: &[i32] = match row.form {
            Form::LoadImm64(ImmediateSource::MapIndex | ImmediateSource::MapIndexValue) => {
                &[map_fd]
            }
            _ => &[],
        };
        match (load_socket_filter(&program, descriptors), expected) {
            (Ok(_), true) => accepted += 1,
            (Err(_), false) => {}
            (Ok(_), false) => wrong.push(format!("{}: is accepted", row.name)),
            (Err((error, log)), true) => wrong.push(format!("{}: {error}\n{log}", row.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The complement, counted: the whole table was tried.
    let exceptions = TABLE
        .iter()
        .filter(|row| exception(row.form).is_some())
        .count();
    let is_new = |row: &&Definition| row.min_kernel.is_some() && !has(row);
    let loadable = TABLE.iter().filter(|row| exception(row.form).is_none());
    let too_new = loadable.filter(is_new).count();
    assert_eq!(accepted + exceptions + too_new, TABLE.len());
    println!("{accepted} rows accepted, {exceptions} exceptions, {too_new} too new");
}
