//! Records of trace points: compared with what the running kernel says.

use core::ffi::c_void;
use core::mem::offset_of;
use ebpf_rt::context::{syscall_trace_exit, trace_entry};
use ebpf_rt::{ErrorKind, Global, TracepointRecord, ebpf};
use kernel_test::{Need, Suite};

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("records::fields_by_name", ROOT, fields_by_name)
        .programs(&["tracepoint"]);
    suite.test("records::a_field_elsewhere", ROOT, a_field_elsewhere);
    suite.test("records::a_field_that_is_not", ROOT, a_field_that_is_not);
}

#[derive(TracepointRecord)]
#[repr(C)]
struct SysEnterOpenat {
    _common: trace_entry,
    __syscall_nr: i32,
    _reserved: u32,
    dfd: u64,
    filename: u64,
}

/// What a program reads that was written for another kernel.
#[derive(TracepointRecord)]
#[repr(C)]
struct Elsewhere {
    _common: trace_entry,
    filename: u32,
}

#[derive(TracepointRecord)]
#[repr(C)]
struct Misspelt {
    _common: [u64; 3],
    file_name: u64,
}

type Exit = *const syscall_trace_exit;

ebpf! {
    #[license = "GPL"]
    mod opens {
        static LAST: Global<[u8; 16]> = Global::new([0; 16]);
        static RESULT: Global<i64> = Global::new(0);
        const PROCESS: u32;

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn path(ctx: *const SysEnterOpenat) -> i32 {
            r6 = r1;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = PROCESS;
            if r0 != r1 goto done;
            r3 = *(u64 *)(r6 + {offset_of!(SysEnterOpenat, filename)});
            r1 = LAST ll;
            r2 = 16;
            call bpf_probe_read_user_str;
        done:
            r0 = 0;
            exit;
        }

        #[tracepoint("syscalls", "sys_exit_openat")]
        fn result(ctx: Exit) -> i32 {
            r6 = r1;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = PROCESS;
            if r0 != r1 goto done;
            r1 = *(u64 *)(r6 + {offset_of!(syscall_trace_exit, ret)});
            r2 = RESULT ll;
            *(u64 *)(r2 + 0) = r1;
        done:
            r0 = 0;
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn elsewhere(ctx: *mut Elsewhere) -> i32 {
            w0 = *(u32 *)(r1 + {offset_of!(Elsewhere, filename)});
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn misspelt(ctx: *mut Misspelt) -> i32 {
            r0 = *(u64 *)(r1 + {offset_of!(Misspelt, file_name)});
            exit;
        }

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn anything(ctx: *mut c_void) -> i32 {
            r0 = 0;
            exit;
        }
    }
}

fn load() -> opens::Skeleton {
    let mut loader = opens::loader();
    loader.consts.PROCESS.set(std::process::id());
    loader.load().unwrap()
}

fn fields_by_name() {
    let fields: Vec<usize> = opens::OBJECT
        .programs
        .iter()
        .map(|program| program.record.len())
        .collect();
    assert_eq!(fields, [3, 2, 1, 1, 0], "the types say it, by aliases, too");
    let opens = load();
    let _enter = opens.progs.path.attach().unwrap();
    let _exit = opens.progs.result.attach().unwrap();
    let _any = opens.progs.anything.attach().unwrap();
    let error = std::fs::File::open("/no-such-file").unwrap_err();
    assert_eq!(&opens.maps.LAST.get()[..14], b"/no-such-file\0");
    let errno = error.raw_os_error().unwrap();
    assert_eq!(opens.maps.RESULT.get(), -i64::from(errno));
}

fn a_field_elsewhere() {
    let opens = load();
    let error = opens.progs.elsewhere.attach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        error.to_string(),
        "object `opens`, program `elsewhere`: the program takes the field `filename` of \
         syscalls:sys_enter_openat to be 4 bytes at offset 8, and this kernel has it with 8 bytes \
         at offset 24; give the record this kernel's layout"
    );
    // At another trace point, that one's record counts.
    let link = opens
        .progs
        .elsewhere
        .attach_to("sched", "sched_process_exec");
    link.unwrap().detach().unwrap();
}

fn a_field_that_is_not() {
    let error = load().progs.misspelt.attach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    assert!(text.contains("program `misspelt`"), "{text}");
    assert!(text.ends_with("did you mean `filename`?"), "{text}");
}
