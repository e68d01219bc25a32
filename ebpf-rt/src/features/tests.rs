//! Yes, no and error of each kind of question, through the seam.

use super::answers::Answers;
use super::*;
use crate::sys::Call;
use crate::sys::script::{Recorded, Script, names, run};
use crate::{Errno, ErrorKind};
use ebpf_asm::helpers;
use ebpf_asm::isa::{AluOp, Instruction, Register::*, TABLE, Width};
use std::cell::Cell;

/// Where the attributes have the size and the address of the log.
const OF_PROGRAM: (usize, usize) = (28, 32);
const OF_BTF: (usize, usize) = (20, 8);

/// The next call is refused with a log.
fn refused(script: Script, at: (usize, usize), log: &'static str, errno: Errno) -> Script {
    script.with(move |call| {
        let Call::Bpf { attr, .. } = call else {
            panic!("{call:?}")
        };
        let size: u32 = bytemuck::pod_read_unaligned(&attr[at.0..at.0 + 4]);
        let to: u64 = bytemuck::pod_read_unaligned(&attr[at.1..at.1 + 8]);
        assert!(size as usize > log.len());
        // SAFETY: the buffer of the log has `size` bytes.
        unsafe { core::ptr::copy_nonoverlapping(log.as_ptr(), to as usize as *mut u8, log.len()) };
        Err(errno)
    })
}

fn rejected(log: &'static str) -> Script {
    refused(Script::new(), OF_PROGRAM, log, Errno::EINVAL)
}

fn fails(errno: Errno) -> Script {
    Script::new().fails(errno)
}

type Answer = Result<bool, Error>;

#[track_caller]
fn answers(script: Script, ask: impl FnOnce() -> Answer, expected: bool) -> Vec<Recorded> {
    let (answer, calls) = run(script, ask);
    assert_eq!(answer.unwrap(), expected);
    calls
}

/// An error of this kind, with these words in its line.
#[track_caller]
fn is_error(script: Script, ask: impl FnOnce() -> Answer, kind: ErrorKind, words: &str) {
    let error = run(script, ask).0.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn the_version_is_what_uname_says() {
    let (version, calls) = run(
        Script::new().release("5.10.0-32-cloud-amd64"),
        kernel_version,
    );
    assert_eq!(version.unwrap(), KernelVersion::new(5, 10));
    assert!(calls.is_empty());
    let (version, _) = run(Script::new().release("unknown"), kernel_version);
    assert_eq!(
        version.unwrap_err().to_string(),
        "`unknown` is not the version of a kernel"
    );
}

#[test]
fn program_types_that_load_are_there() {
    let calls = answers(Script::new().fd(), || program_type(ProgramType::Xdp), true);
    assert_eq!(names(&calls), ["BPF_PROG_LOAD"]);
    assert_eq!((calls[0].u32(0), calls[0].u32(4)), (6, 2));
    // A type that needs an attach type, and one that has to be sleepable.
    let calls = answers(
        Script::new().fd(),
        || program_type(ProgramType::SkLookup),
        true,
    );
    assert_eq!(calls[0].u32(68), 36);
    let calls = answers(
        Script::new().fd(),
        || program_type(ProgramType::Syscall),
        true,
    );
    assert_eq!(calls[0].u32(44), 16);
}

#[test]
fn program_types_with_targets_are_known_by_the_refusal() {
    for of in [ProgramType::Tracing, ProgramType::Lsm, ProgramType::Ext] {
        let script = rejected("Tracing programs must provide btf_id\nprocessed 0 insns\n");
        answers(script, || program_type(of), true);
        answers(fails(Errno::EINVAL), || program_type(of), false);
    }
    let of = ProgramType::StructOps;
    answers(fails(Errno::ENOTSUPP), || program_type(of), true);
    answers(fails(Errno::EINVAL), || program_type(of), false);
}

#[test]
fn only_a_refusal_without_a_word_is_a_no_to_a_program_type() {
    let ask = || program_type(ProgramType::Netfilter);
    answers(fails(Errno::EINVAL), ask, false);
    answers(fails(Errno::E2BIG), ask, false);
    let script = rejected("0: (95) exit\nR0 !read_ok\n");
    is_error(script, ask, ErrorKind::Rejected, "R0 !read_ok");
    is_error(
        fails(Errno::EPERM).capabilities(1 << 39),
        ask,
        ErrorKind::Permission,
        "asking for programs of type netfilter: BPF_PROG_LOAD failed with EPERM: the process \
         lacks CAP_NET_ADMIN",
    );
    // Not unsupported: nobody knows.
    is_error(fails(Errno::ENOTSUPP), ask, ErrorKind::System, "ENOTSUPP");
    is_error(fails(Errno::ENOMEM), ask, ErrorKind::System, "ENOMEM");
}

#[test]
fn a_signal_and_the_memory_limit_are_no_answer() {
    let ask = || program_type(ProgramType::Xdp);
    answers(fails(Errno::EAGAIN).fd(), ask, true);
    let script = fails(Errno::EPERM).release("5.10.0").value(0).fd();
    let calls = answers(script, ask, true);
    assert_eq!(
        names(&calls),
        ["BPF_PROG_LOAD", "setrlimit", "BPF_PROG_LOAD"]
    );
}

#[test]
fn old_kernels_are_told_their_version_for_kprobes() {
    let script = || Script::new().fd();
    let ask = || program_type(ProgramType::Kprobe);
    let calls = answers(script().release("4.19.5-generic"), ask, true);
    assert_eq!(calls[0].u32(40), 0x04_13_05);
    let calls = answers(script().release("5.10.0"), ask, true);
    assert_eq!(calls[0].u32(40), 0);
}

#[test]
fn map_types() {
    let ring = || map_type(MapType::Ringbuf);
    let calls = answers(Script::new().fd(), ring, true);
    assert_eq!(names(&calls), ["BPF_MAP_CREATE"]);
    assert_eq!([0, 4, 8, 12].map(|at| calls[0].u32(at)), [27, 0, 0, 65536]);
    answers(fails(Errno::EINVAL), ring, false);
    is_error(
        fails(Errno::EPERM).capabilities(0),
        ring,
        ErrorKind::Permission,
        "asking for maps of type ringbuf: BPF_MAP_CREATE failed with EPERM: the process lacks \
         CAP_BPF",
    );
    is_error(
        fails(Errno::EOPNOTSUPP),
        ring,
        ErrorKind::System,
        "EOPNOTSUPP",
    );
    // Its JIT has to be able to do it.
    answers(fails(Errno::EOPNOTSUPP), || map_type(MapType::Arena), false);
    answers(
        fails(Errno::ENOTSUPP),
        || map_type(MapType::StructOps),
        true,
    );
    answers(fails(Errno::EINVAL), || map_type(MapType::StructOps), false);
}

#[test]
fn maps_of_maps_need_a_map() {
    let ask = || map_type(MapType::HashOfMaps);
    let calls = answers(Script::new().fd().fd(), ask, true);
    assert_eq!(names(&calls), ["BPF_MAP_CREATE"; 2]);
    assert_eq!((calls[0].u32(0), calls[1].u32(0)), (2, 13));
    assert_ne!(calls[1].u32(20), 0);
    answers(Script::new().fd().fails(Errno::EINVAL), ask, false);
    // An array is not what was asked for.
    is_error(fails(Errno::EINVAL), ask, ErrorKind::System, "EINVAL");
}

#[test]
fn storage_needs_btf() {
    let ask = || map_type(MapType::TaskStorage);
    let calls = answers(Script::new().fd().fd(), ask, true);
    assert_eq!(names(&calls), ["BPF_BTF_LOAD", "BPF_MAP_CREATE"]);
    assert_eq!([52, 56].map(|at| calls[1].u32(at)), [1, 1]);
    answers(Script::new().fd().fails(Errno::EINVAL), ask, false);
    answers(fails(Errno::EINVAL), ask, false);
    let script = refused(Script::new(), OF_BTF, "Invalid size", Errno::EINVAL);
    is_error(script, ask, ErrorKind::Rejected, "Invalid size");
}

#[test]
fn helpers_are_known_by_what_the_verifier_says_of_the_call() {
    let lookup = helpers::by_id(1).unwrap();
    let ask = || helper(ProgramType::Xdp, lookup);
    let calls = answers(Script::new().fd(), ask, true);
    assert_eq!((calls[0].u32(0), calls[0].u32(4)), (6, 2));
    let script = || {
        let log = "0: (85) call bpf_map_lookup_elem#1\nR1 type=ctx expected=map_ptr\n";
        refused(Script::new(), OF_PROGRAM, log, Errno::EACCES)
    };
    answers(script(), ask, true);
    for log in [
        "0: (85) call unknown#9999\ninvalid func unknown#9999\n",
        "0: (85) call bpf_map_lookup_elem#1\nunknown func bpf_map_lookup_elem#1\n",
        "0: (85) call bpf_x#1\nprogram of this type cannot use helper bpf_x#1\n",
        "0: (85) call bpf_x#1\nsleepable helper bpf_x#1 in non-sleepable prog\n",
        "0: (85) call bpf_d_path#147\nhelper call is not allowed in probe\n",
    ] {
        answers(rejected(log), ask, false);
    }
    let log = "0: (85) call bpf_x#1\nfunc bpf_x#1 not supported for program type 5\n";
    let script = refused(Script::new(), OF_PROGRAM, log, Errno::ENOTSUPP);
    answers(script, ask, false);
}

#[test]
fn helpers_are_asked_for_at_every_hook() {
    const NO: &str = "0: (85) call bpf_bind#64\nunknown func bpf_bind#64\n";
    let no = |script| refused(script, OF_PROGRAM, NO, Errno::EINVAL);
    let ask = || helper(ProgramType::CgroupSockopt, "bpf_bind");
    let calls = answers(no(no(Script::new())), ask, false);
    assert_eq!((calls[0].u32(68), calls[1].u32(68)), (22, 21));
    answers(no(Script::new()).fd(), ask, true);
    // A hook that the kernel does not have.
    answers(no(Script::new()).fails(Errno::EINVAL), ask, false);
    // Kprobes cannot sleep on this kernel.
    let ask = || helper(ProgramType::Kprobe, "bpf_copy_from_user");
    let log = "Only fentry/fexit/fmod_ret and lsm programs can be sleepable\n";
    let script = refused(no(Script::new()), OF_PROGRAM, log, Errno::EINVAL);
    answers(script, ask, false);
    let calls = answers(no(Script::new()).fd(), ask, true);
    assert_eq!((calls[0].u32(44), calls[1].u32(44)), (0, 16));
}

#[test]
fn what_the_kernel_hides_is_not_missing() {
    const NO: &str = "0: (85) call bpf_trace_printk#6\nunknown func bpf_trace_printk#6\n";
    let ask = || helper(ProgramType::SocketFilter, "bpf_trace_printk");
    is_error(
        rejected(NO).capabilities(1 << 39),
        ask,
        ErrorKind::Permission,
        "asking for bpf_trace_printk in programs of type socket_filter: the process lacks \
         CAP_PERFMON, without which",
    );
    answers(rejected(NO).capabilities(1 << 39 | 1 << 38), ask, false);
}

#[test]
fn other_words_are_no_answer_about_a_helper() {
    let ask = || helper(ProgramType::SocketFilter, 1u32);
    let script = rejected("unknown opcode 85\n");
    is_error(script, ask, ErrorKind::Rejected, "unknown opcode 85");
    is_error(fails(Errno::EACCES), ask, ErrorKind::Permission, "EACCES");
    is_error(
        Script::new(),
        || helper(ProgramType::Lsm, 1u32),
        ErrorKind::Invalid,
        "depends on what they attach to",
    );
    is_error(
        Script::new(),
        || helper(ProgramType::Xdp, "bpf_map_lokup_elem"),
        ErrorKind::Invalid,
        "`bpf_map_lokup_elem` is not the name of a helper; did you mean `bpf_map_lookup_elem`?",
    );
}

#[test]
fn instructions() {
    let row = Instruction::alu_reg(Width::W64, AluOp::SDiv, R1, R2).definition();
    let ask = || instruction(row);
    answers(Script::new().fd(), ask, true);
    for log in ["BPF_ALU uses reserved fields\n", "unknown opcode 3f\n"] {
        answers(rejected(log), ask, false);
    }
    // The JIT cannot do it.
    answers(fails(Errno::ENOTSUPP), ask, false);
    let script = rejected("5: (3f) r1 s/= r2\ndivision is forbidden today\n");
    is_error(script, ask, ErrorKind::Rejected, "division is forbidden");
    is_error(fails(Errno::EINVAL), ask, ErrorKind::System, "EINVAL");
    is_error(fails(Errno::EPERM), ask, ErrorKind::Permission, "EPERM");
    is_error(fails(Errno::E2BIG), ask, ErrorKind::System, "E2BIG");
}

fn row(name: &str) -> &'static Definition {
    TABLE.iter().find(|row| row.name == name).unwrap()
}

#[test]
fn instructions_that_need_more_than_themselves() {
    // A map, and the array of descriptors that it is in.
    let ask = || instruction(row("lddw_map_idx"));
    let calls = answers(Script::new().fd().fd(), ask, true);
    assert_eq!(names(&calls), ["BPF_MAP_CREATE", "BPF_PROG_LOAD"]);
    assert_ne!(calls[1].attr[120..128], [0; 8]);
    answers(Script::new().fd().fails(Errno::E2BIG), ask, false);
    is_error(
        fails(Errno::EPERM),
        ask,
        ErrorKind::Permission,
        "BPF_MAP_CREATE",
    );
    // The number of a kernel function.
    let ask = || instruction(row("call_kfunc"));
    answers(rejected("kernel btf_id 1 is not a function\n"), ask, true);
    answers(rejected("BPF_CALL uses reserved fields\n"), ask, false);
    // What only the kernel makes is not asked for.
    let internal = TABLE.iter().find(|row| row.min_kernel.is_none()).unwrap();
    let calls = answers(Script::new(), || instruction(internal), false);
    assert!(calls.is_empty());
}

#[test]
fn a_level_is_there_with_all_its_instructions() {
    let count = |level| instruction::of_level(level).count();
    let script = (0..count(IsaLevel::V2)).fold(Script::new(), |script, _| script.fd());
    answers(script, || isa_level(IsaLevel::V2), true);
    // The first no is enough.
    let no = "BPF_JMP32 uses reserved fields\n";
    let script = refused(Script::new().fd(), OF_PROGRAM, no, Errno::EINVAL);
    let calls = answers(script, || isa_level(IsaLevel::V3), false);
    assert_eq!(calls.len(), 2);
    is_error(
        fails(Errno::EPERM),
        || isa_level(IsaLevel::V1),
        ErrorKind::Permission,
        "EPERM",
    );
    let has = |level, name| instruction::of_level(level).any(|row| row.name == name);
    assert!(has(IsaLevel::V4, "sdiv64_reg") && !has(IsaLevel::V3, "sdiv64_reg"));
    assert!(!has(IsaLevel::V4, "gotox") && !has(IsaLevel::V1, "call_kfunc"));
    assert!(count(IsaLevel::V1) < count(IsaLevel::V2) && count(IsaLevel::V2) < count(IsaLevel::V3));
}

#[test]
fn btf_kinds() {
    let ask = || btf_kind(BtfKind::Enum64);
    let calls = answers(Script::new().fd(), ask, true);
    assert_eq!(names(&calls), ["BPF_BTF_LOAD"]);
    assert_eq!(
        calls[0].u32(16),
        24 + 16 + 24 + 3,
        "header, integer, type, strings"
    );
    for log in ["[2] Invalid kind:19\n", "[2] Invalid btf_info:13000001\n"] {
        let no = refused(Script::new(), OF_BTF, log, Errno::EINVAL);
        answers(no, ask, false);
    }
    // Before BTF.
    answers(fails(Errno::EINVAL), ask, false);
    let odd = refused(Script::new(), OF_BTF, "[2] Invalid name\n", Errno::EINVAL);
    is_error(odd, ask, ErrorKind::Rejected, "Invalid name");
    is_error(
        fails(Errno::EPERM).capabilities(0),
        ask,
        ErrorKind::Permission,
        "asking for BTF with Enum64: BPF_BTF_LOAD failed with EPERM: the process lacks CAP_BPF",
    );
}

#[test]
fn links() {
    let ask = || link(LinkKind::Tcx);
    let calls = answers(Script::new().fd().fails(Errno::ENODEV), ask, true);
    assert_eq!(names(&calls), ["BPF_PROG_LOAD", "BPF_LINK_CREATE"]);
    assert_eq!((calls[1].u32(4), calls[1].u32(8)), (0, 46));
    answers(Script::new().fd().fails(Errno::EINVAL), ask, false);
    answers(fails(Errno::EINVAL), ask, false);
    let script = Script::new().fd().fails(Errno::EPERM);
    is_error(
        script,
        ask,
        ErrorKind::Permission,
        "asking for links of kind tcx: BPF_LINK_CREATE failed with EPERM",
    );
    let script = Script::new().fd().fails(Errno::EBADF);
    is_error(script, ask, ErrorKind::System, "EBADF");
    is_error(
        fails(Errno::EPERM),
        ask,
        ErrorKind::Permission,
        "BPF_PROG_LOAD",
    );
}

#[test]
fn links_that_say_more() {
    let yes = |kind, errno| answers(Script::new().fd().fails(errno), || link(kind), true);
    let no = |kind, errno| answers(Script::new().fd().fails(errno), || link(kind), false);
    let calls = yes(LinkKind::Netfilter, Errno::EAFNOSUPPORT);
    assert_eq!(calls[1].u32(16), 255);
    let calls = yes(LinkKind::KprobeMulti, Errno::EFAULT);
    assert_eq!((calls[0].u32(68), calls[1].u32(20)), (42, 1));
    no(LinkKind::KprobeMulti, Errno::EOPNOTSUPP);
    let calls = yes(LinkKind::UprobeMulti, Errno::EBADF);
    assert_eq!(calls[1].u32(48), 1);
    let calls = yes(LinkKind::Xdp, Errno::EOPNOTSUPP);
    assert_eq!(
        (calls[1].u32(4), calls[1].u32(12)),
        (1, 4),
        "lo, in the driver"
    );
    no(LinkKind::Xdp, Errno::EINVAL);
    // Without a program.
    let ask = || link(LinkKind::RawTracepointCookie);
    let calls = answers(fails(Errno::EBADF), ask, true);
    assert_eq!(calls[0].u32(16) | calls[0].u32(20), 1);
    answers(fails(Errno::EINVAL), ask, false);
    is_error(fails(Errno::EPERM), ask, ErrorKind::Permission, "EPERM");
    let ask = || link(LinkKind::Iter);
    let calls = answers(fails(Errno::EBADF), ask, true);
    assert_eq!(names(&calls), ["BPF_ITER_CREATE"]);
    answers(fails(Errno::EINVAL), ask, false);
    is_error(fails(Errno::EPERM), ask, ErrorKind::Permission, "EPERM");
    // By a map that cannot be.
    let ask = || link(LinkKind::StructOps);
    let calls = answers(fails(Errno::ENOTSUPP), ask, true);
    assert_eq!(names(&calls), ["BPF_MAP_CREATE"]);
    assert_eq!(calls[0].u32(16), 1 << 13);
    answers(fails(Errno::EINVAL), ask, false);
    is_error(fails(Errno::EPERM), ask, ErrorKind::Permission, "EPERM");
}

#[test]
fn an_answer_is_kept_and_an_error_is_not() {
    let known = Answers::default();
    let question = Question::Program(ProgramType::Xdp);
    let asked = Cell::new(0);
    let ask = |answer: Answer| {
        known.once(question, || {
            asked.set(asked.get() + 1);
            answer
        })
    };
    assert!(ask(Err(Error::invalid("no"))).is_err());
    assert!(!ask(Ok(false)).unwrap());
    assert!(!ask(Ok(true)).unwrap(), "what was answered first");
    assert_eq!(asked.get(), 2);
    let other = Question::Program(ProgramType::Lsm);
    assert!(known.once(other, || Ok(true)).unwrap());
}

#[test]
fn no_lock_is_held_while_the_kernel_is_asked() {
    let known = Answers::default();
    let question = |raw| Question::Helper(ProgramType::Xdp, raw);
    // Each asks while the other one does, and one asks from within.
    let barrier = std::sync::Barrier::new(2);
    let ask = |of| {
        known.once(question(of), || {
            barrier.wait();
            known.once(question(of + 10), || Ok(true))
        })
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| ask(1).unwrap());
        assert!(ask(2).unwrap());
        assert!(other.join().unwrap());
    });
    assert!(known.once(question(11), || panic!("it is known")).unwrap());
}
