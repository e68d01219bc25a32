//! Functions: pasted ones at work, and that the limits which the macros know are the kernel's.

use super::common::{load_plain, object, slots};
use core::ffi::c_void;
use ebpf_rt::isa::{Insn, Instruction, JmpOp, Register::R0, Width};
use ebpf_rt::object::{LineTable, ProgramDef, ProgramKind};
use ebpf_rt::{Error, ebpf, ebpf_asm};
use kernel_test::{Need, Suite, kernel_version};
use std::os::unix::net::UnixDatagram;

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite.test("functions::inline", ROOT, inline);
    suite.test("functions::call_depth", ROOT, call_depth);
    suite.test("functions::stack", ROOT, stack);
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
        *(u64 *)(r10 - 400) = 0; call f; exit;
        f: *(u64 *)(r10 - 400) = 0; r0 = 0; exit;
    }
    .into_static();
    const IF_EVER: &[Insn] = ebpf_asm! {
        r1 = 0;
        if r1 == 0 goto out;
        *(u64 *)(r10 - 400) = 0;
    out:
        call f; exit;
        f: *(u64 *)(r10 - 400) = 0; r0 = 0; exit;
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
