//! Functions: pasted ones at work, and that the limits which the macros know are the kernel's.

use super::common::{load_plain, object};
use core::ffi::c_void;
use ebpf_rt::isa::Insn;
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

fn call_depth() {
    const EIGHT: &[Insn] = ebpf_asm! {
        call f1; exit;
        f1: call f2; exit;
        f2: call f3; exit;
        f3: call f4; exit;
        f4: call f5; exit;
        f5: call f6; exit;
        f6: call f7; exit;
        f7: r0 = 0; exit;
    }
    .into_static();
    const NINE_IF_EVER: &[Insn] = ebpf_asm! {
        r1 = 0;
        r0 = 0;
        if r1 == 0 goto out;
        call f1;
    out:
        exit;
        f1: call f2; exit;
        f2: call f3; exit;
        f3: call f4; exit;
        f4: call f5; exit;
        f5: call f6; exit;
        f6: call f7; exit;
        f7: call f8; exit;
        f8: r0 = 0; exit;
    }
    .into_static();
    for kind in [ProgramKind::SocketFilter, OPENAT] {
        load(kind, EIGHT).unwrap();
        // Also where it never comes to that.
        let error = format!("{:#}", load(kind, NINE_IF_EVER).unwrap_err());
        assert!(error.contains("too deep"), "{error}");
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
