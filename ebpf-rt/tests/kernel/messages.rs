//! The exact lines that users read.

use super::common::{load_plain, object, program, returns, slots};
use super::programs::keeping;
use ebpf_rt::isa::{Instruction, Register::*, Size};
use ebpf_rt::object::{LineTable, ProgramDef, ProgramKind};
use ebpf_rt::programs::{RawTracepoint, Tracepoint};
use ebpf_rt::{Errno, Error, ErrorKind};
use kernel_test::{Need, Suite};

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite.child("closed_map", use_closed_map);
    suite.test("messages::closed_map", ROOT, closed_map);
    suite.test("messages::rejection", ROOT, rejection);
    suite.test(
        "messages::reasons",
        &[Need::Root, Need::Kernel(6, 1)],
        reasons,
    );
    suite.test(
        "messages::wrong_tracepoint_name",
        ROOT,
        wrong_tracepoint_name,
    );
    suite.test(
        "messages::wrong_raw_tracepoint_name",
        ROOT,
        wrong_raw_tracepoint_name,
    );
    suite.test("messages::closed_descriptor", ROOT, closed_descriptor);
    suite.test(
        "messages::too_many_instructions",
        ROOT,
        too_many_instructions,
    );
    suite.test("messages::beyond_the_record", ROOT, beyond_the_record);
}

fn rejection() {
    let mut lines = Vec::new();
    for (line, column) in [(41u32, 9u16), (42, 13)] {
        lines.extend(line.to_le_bytes());
        lines.extend(column.to_le_bytes());
    }
    let program = ProgramDef::new(
        "filter",
        ProgramKind::SocketFilter,
        slots(&[Instruction::mov_imm(R1, 0), Instruction::exit()]),
        &[],
        &[],
        LineTable::new("src/main.rs", lines.leak()),
    );
    let error = load_plain(&object(vec![], vec![program])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(error.errno(), Some(Errno::EACCES));
    assert_eq!(
        error.to_string(),
        "test::filter: rejected by the kernel: R0 !read_ok at src/main.rs:42:13"
    );
    assert!(format!("{error:?}").contains("\nthe kernel's log:\n"));
}

/// The reason that stands in the line is the kernel's, and so is the instruction.
fn reasons() {
    use ebpf_rt::isa::{AluOp, JmpOp, Width};
    let exit = [Instruction::mov_imm(R0, 0), Instruction::exit()];
    let before_exit = |first: &[Instruction]| [first, &exit].concat();
    let cases = [
        (
            before_exit(&[Instruction::mov_imm(R10, 0)]),
            "frame pointer is read only at instruction 0",
        ),
        (
            before_exit(&[
                Instruction::mov_imm(R1, 0),
                Instruction::load(Size::Byte, R0, R1, 0),
            ]),
            "R1 invalid mem access 'scalar' at instruction 1",
        ),
        (
            before_exit(&[Instruction::store_imm(Size::Double, R10, 0, 1)]),
            "invalid write to stack R10 off=0 size=8 at instruction 0",
        ),
        (
            before_exit(&[Instruction::goto(100)]),
            "jump out of range from insn 0 to 101 at instruction 0",
        ),
        (before_exit(&exit), "unreachable insn 2 at instruction 2"),
        (
            before_exit(&[
                Instruction::mov_imm(R0, 0),
                Instruction::alu_imm(Width::W64, AluOp::Add, R0, 0),
                Instruction::branch_imm(Width::W64, JmpOp::Eq, R0, 0, -2),
            ]),
            "infinite loop detected at insn 1 at instruction 1",
        ),
        (
            before_exit(&[Instruction::call_helper(100_000)]),
            "invalid func unknown#100000 at instruction 0",
        ),
    ];
    for (instructions, end) in cases {
        let program = program("bad", ProgramKind::SocketFilter, &instructions);
        let error = load_plain(&object(vec![], vec![program])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error:?}");
        assert!(error.to_string().ends_with(end), "{end}\n{error:?}");
    }
}

fn tracepoint(category: &'static str, name: &'static str) -> Error {
    let kind = ProgramKind::Tracepoint { category, name };
    let program = program("count", kind, &returns(0));
    let program: Tracepoint = load_plain(&object(vec![], vec![program]))
        .unwrap()
        .program(0)
        .unwrap();
    program.attach().unwrap_err()
}

fn wrong_tracepoint_name() {
    let error = tracepoint("syscalls", "sys_enter_opneat");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "object `test`, program `count`: looking up the trace point syscalls:sys_enter_opneat \
         failed with ENOENT: this kernel has no trace point of that name; did you mean \
         `syscalls:sys_enter_openat` or `syscalls:sys_enter_openat2`?"
    );
    let line = tracepoint("sycalls", "sys_enter_openat").to_string();
    assert!(
        line.ends_with("did you mean `syscalls:sys_enter_openat`?"),
        "{line}"
    );
    let line = tracepoint("syscalls", "sched_switch").to_string();
    assert!(
        line.ends_with("did you mean `sched:sched_switch`?"),
        "{line}"
    );
    let line = tracepoint("nothing", "like_it").to_string();
    assert!(
        line.ends_with("; tracefs lists those it has under events/"),
        "{line}"
    );
    assert_eq!(
        tracepoint("..", "..").to_string(),
        "object `test`, program `count`: `..:..` is not the name of a trace point"
    );
}

fn wrong_raw_tracepoint_name() {
    let kind = ProgramKind::RawTracepoint { name: "sys_entr" };
    let program = program("count", kind, &returns(0));
    let program: RawTracepoint = load_plain(&object(vec![], vec![program]))
        .unwrap()
        .program(0)
        .unwrap();
    assert_eq!(
        program.attach().unwrap_err().to_string(),
        "object `test`, program `count`: BPF_RAW_TRACEPOINT_OPEN failed with ENOENT: this kernel \
         has no raw trace point named `sys_entr`; did you mean `sys_enter`?"
    );
    let error = program.attach_to("a\0b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

fn closed_descriptor() {
    let filter = keeping(4);
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(
        filter.attach_to(&file).unwrap_err().to_string(),
        "object `test`, program `keep`: SO_ATTACH_BPF failed with ENOTSOCK: the file descriptor \
         is not a socket's"
    );

    struct Closed;
    impl std::os::fd::AsFd for Closed {
        fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
            // SAFETY: not -1, which `BorrowedFd` must not hold. No descriptor has this number,
            // so nothing else is touched; what the kernel says to it is the test.
            unsafe { std::os::fd::BorrowedFd::borrow_raw(1_000_000_000) }
        }
    }
    assert_eq!(
        filter.attach_to(&Closed).unwrap_err().to_string(),
        "object `test`, program `keep`: SO_ATTACH_BPF failed with EBADF: the socket's file \
         descriptor is not open"
    );
}

fn closed_map() {
    let line = kernel_test::Child::new("closed_map").output();
    assert_eq!(
        line,
        "map `hash_map`: BPF_MAP_LOOKUP_ELEM failed with EBADF: the map's file descriptor is not \
         open; something else in the process has closed it\n"
    );
}

/// Something in the process closes a descriptor that is not its own.
fn use_closed_map() {
    let map = ebpf_rt::HashMap::<u32, u32>::create(4).unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&std::os::fd::AsFd::as_fd(&map));
    // SAFETY: this breaks the rules of descriptors on purpose. The process has one thread and
    // opens nothing until it ends, so that nobody else gets the number; the map is never
    // dropped.
    unsafe { libc::close(fd) };
    println!("{}", map.get(&1).unwrap_err());
    std::mem::forget(map);
}

fn too_many_instructions() {
    let instructions = vec![Instruction::mov_imm(R0, 0); 1_000_001];
    let object = object(
        vec![],
        vec![program("long", ProgramKind::SocketFilter, &instructions)],
    );
    let error = load_plain(&object).unwrap_err();
    assert_eq!(
        error.to_string(),
        "object `test`, program `long`: BPF_PROG_LOAD failed with E2BIG: 1000001 instructions \
         are more than the kernel takes from this process"
    );
}

fn beyond_the_record() {
    let kind = ProgramKind::Tracepoint {
        category: "syscalls",
        name: "sys_enter_getppid",
    };
    let instructions = [
        Instruction::load(Size::Double, R0, R1, 1024),
        Instruction::mov_imm(R0, 0),
        Instruction::exit(),
    ];
    let program = program("far", kind, &instructions);
    let program: Tracepoint = load_plain(&object(vec![], vec![program]))
        .unwrap()
        .program(0)
        .unwrap();
    let error = program.attach().unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EACCES));
    assert!(
        error
            .to_string()
            .ends_with("the program reads beyond the record of syscalls:sys_enter_getppid"),
        "{error}"
    );
}
