//! Programs that attach by BTF, at work: each test sees the effect.

use super::common::{cgroup2, make_system_calls, offset, own_tid};
use core::ffi::c_void;
use ebpf_rt::btf::Kind;
use ebpf_rt::context::arg_offset;
use ebpf_rt::links::LinkDetails;
use ebpf_rt::programs::{Program, TestRun};
use ebpf_rt::{AttachType, ErrorKind, Global, HashMap, LinkType, ProgramType, ebpf, kernel_btf};
use kernel_test::{Need, Suite};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

const ROOT: &[Need] = &[Need::Root];
const TRAMPOLINES: &[Need] = &[Need::Root, Need::Matrix(has_trampolines)];
pub(crate) const LSM: &[Need] = &[
    Need::Root,
    Need::Matrix(has_trampolines),
    Need::Matrix(has_lsm),
];

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("by_btf::tp_btf", ROOT, tp_btf)
        .programs(&["tp_btf"]);
    suite.test(
        "by_btf::tp_btf_follows_pointers",
        ROOT,
        tp_btf_follows_pointers,
    );
    suite.test("by_btf::tp_btf_errors", ROOT, tp_btf_errors);
    suite
        .test("by_btf::fentry", TRAMPOLINES, fentry)
        .programs(&["fentry"]);
    suite.test("by_btf::fentry_errors", ROOT, fentry_errors);
    suite.test(
        "by_btf::fentry_sleepable",
        &[
            Need::Root,
            Need::Kernel(6, 3),
            Need::Matrix(has_trampolines),
        ],
        fentry_sleepable,
    );
    suite
        .test("by_btf::fexit", TRAMPOLINES, fexit)
        .programs(&["fexit"]);
    suite
        .test("by_btf::fmod_ret", TRAMPOLINES, fmod_ret)
        .programs(&["fmod_ret"]);
    suite.test(
        "by_btf::fentry_cookie",
        &[
            Need::Root,
            Need::Kernel(5, 19),
            Need::Matrix(has_trampolines),
        ],
        fentry_cookie,
    );
    suite.test(
        "by_btf::tp_btf_cookie",
        &[Need::Root, Need::Kernel(6, 10)],
        tp_btf_cookie,
    );
    suite.test("by_btf::lsm", LSM, lsm).programs(&["lsm"]);
    suite.test("by_btf::lsm_sleepable", LSM, lsm_sleepable);
    suite
        .test(
            "by_btf::lsm_cgroup",
            &[
                Need::Root,
                Need::Kernel(6, 0),
                Need::Matrix(has_trampolines),
                Need::Other(cgroup2),
            ],
            lsm_cgroup,
        )
        .programs(&["lsm_cgroup"]);
}

/// Some machines refuse programs with `EPERM` that run at functions of the kernel, whatever the
/// capabilities.
pub(crate) fn has_trampolines() -> Result<(), String> {
    let mut loader = opens::loader();
    loader.consts.PID.set(0);
    match loader.load() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Permission => {
            Err("programs at functions of the kernel (this one refuses them)".to_owned())
        }
        // Whatever else it is, the tests show it.
        Err(_) => Ok(()),
    }
}

fn has_lsm() -> Result<(), String> {
    let path = "/sys/kernel/security/lsm";
    match std::fs::read_to_string(path) {
        Ok(list) if list.trim().split(',').any(|name| name == "bpf") => Ok(()),
        Ok(list) => Err(format!("BPF among the security modules; {path} has {list}")),
        // Not mounted: the tests show whether programs run.
        Err(_) => Ok(()),
    }
}

ebpf! {
    /// Counts the system calls of one process.
    #[license = "GPL"]
    mod calls {
        const PID: u32;
        static HITS: Global<u64> = Global::new(0);

        #[tp_btf("sys_enter")]
        fn enter(ctx: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            if w0 != PID goto end;
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        end:
            r0 = 0;
            exit;
        }
    }
}

fn tp_btf() {
    let mut loader = calls::loader();
    loader.consts.PID.set(std::process::id());
    let calls = loader.load().unwrap();
    assert_eq!(calls.progs.enter.target(), Some("sys_enter"));
    make_system_calls(10);
    assert_eq!(calls.maps.HITS.get(), 0, "it is not attached yet");
    let link = calls.progs.enter.attach().unwrap();
    make_system_calls(10);
    assert!(calls.maps.HITS.get() >= 10);
    let info = link.info().unwrap();
    assert_eq!(info.link_type, Some(LinkType::RawTracepoint));
    let program = calls.progs.enter.info().unwrap();
    assert_eq!(info.program_id, program.id);
    assert_eq!(program.program_type, Some(ProgramType::Tracing));
    let point = kernel_btf::vmlinux().unwrap();
    let point = point.find("btf_trace_sys_enter", Kind::Typedef).unwrap();
    // Linux before 5.18 does not say it.
    assert!([None, Some(point.get())].contains(&program.attach_btf_id));
    let told = kernel_test::kernel_version() >= (5, 18);
    assert_eq!(program.attach_btf_id.is_some(), told);
    link.detach().unwrap();
    let before = calls.maps.HITS.get();
    make_system_calls(10);
    assert_eq!(calls.maps.HITS.get(), before);
    // Another trace point, said at load.
    let mut loader = calls::loader();
    loader.consts.PID.set(std::process::id());
    loader.progs.enter.target("sys_exit");
    let calls = loader.load().unwrap();
    assert_eq!(calls.progs.enter.target(), Some("sys_exit"));
    let _link = calls.progs.enter.attach().unwrap();
    make_system_calls(10);
    assert!(calls.maps.HITS.get() >= 10);
}

ebpf! {
    /// Keeps the numbers of new tasks.
    #[license = "GPL"]
    mod tasks {
        const TGID: u32;
        const PID_OFFSET: u16;
        const TGID_OFFSET: u16;
        static NEW: HashMap<u32, u32> = HashMap::with_max_entries(64);

        #[tp_btf("task_newtask")]
        fn new_task(ctx: *mut c_void) -> i32 {
            r6 = *(u64 *)(r1 + {arg_offset(0)});  // struct task_struct *
            r1 = *(u32 *)(r6 + TGID_OFFSET);
            if w1 != TGID goto end;
            r1 = *(u32 *)(r6 + PID_OFFSET);
            *(u32 *)(r10 - 4) = w1;
            *(u32 *)(r10 - 8) = 1;
            r1 = NEW ll;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -8;
            r4 = 0;
            call bpf_map_update_elem;
        end:
            r0 = 0;
            exit;
        }
    }
}

fn tp_btf_follows_pointers() {
    let mut loader = tasks::loader();
    loader.consts.TGID.set(std::process::id());
    loader.consts.PID_OFFSET.set(offset("task_struct", "pid"));
    loader.consts.TGID_OFFSET.set(offset("task_struct", "tgid"));
    let tasks = loader.load().unwrap();
    let _link = tasks.progs.new_task.attach().unwrap();
    let tid = std::thread::spawn(own_tid).join().unwrap();
    assert_eq!(tasks.maps.NEW.get(&tid).unwrap(), Some(1));
}

fn tp_btf_errors() {
    let load = |target: &str| {
        let mut loader = calls::loader();
        loader.consts.PID.set(1);
        loader.progs.enter.target(target);
        loader.load().unwrap_err()
    };
    let error = load("sys_entr");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "object `calls`, program `enter`: this kernel has no trace point named `sys_entr`; did \
         you mean `sys_enter`?"
    );
    let error = load("");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error
            .to_string()
            .ends_with("say it before loading: loader.progs.enter.target(…)"),
        "{error}"
    );
    // Optional, it is only missing.
    let mut loader = calls::loader();
    loader.consts.PID.set(1);
    loader.progs.enter.target("no_such_trace_point").optional();
    let calls = loader.load().unwrap();
    assert_eq!(
        calls.progs.enter.load_error().unwrap().kind(),
        ErrorKind::NotFound
    );
}

ebpf! {
    /// Sees files being opened by one process.
    #[license = "GPL"]
    mod opens {
        const PID: u32;
        static HITS: Global<u64> = Global::new(0);
        static SEEN: Global<u64> = Global::new(0);

        #[fentry("do_sys_openat2")]
        fn enter(ctx: *mut c_void) -> i32 {
            r6 = *(u64 *)(r1 + {arg_offset(0)});  // the directory
            call is_ours;
            if r0 == 0 goto end;
            r1 = SEEN ll;
            *(u64 *)(r1 + 0) = r6;
        end:
            r0 = 0;
            exit;
        }

        /// Whether it is the process, which is counted.
        fn is_ours() -> i32 {
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            if w0 != PID goto no;
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 1;
            exit;
        no:
            r0 = 0;
            exit;
        }
    }
}

fn fentry() {
    let mut loader = opens::loader();
    loader.consts.PID.set(std::process::id());
    let opens = loader.load().unwrap();
    let link = opens.progs.enter.attach().unwrap();
    make_system_calls(10);
    assert!(opens.maps.HITS.get() >= 10);
    let directory = opens.maps.SEEN.get() as u32 as i32;
    assert_eq!(directory, libc::AT_FDCWD, "the first argument");
    let info = link.info().unwrap();
    assert_eq!(info.link_type, Some(LinkType::Tracing));
    let LinkDetails::Tracing {
        attach_type,
        target_btf_id,
        ..
    } = info.details
    else {
        panic!("{info:?}")
    };
    assert_eq!(attach_type, Some(AttachType::TraceFentry));
    let function = kernel_btf::vmlinux().unwrap();
    let function = function.find("do_sys_openat2", Kind::Func).unwrap();
    assert!([0, function.get()].contains(&target_btf_id));
    link.detach().unwrap();
    let before = opens.maps.HITS.get();
    make_system_calls(10);
    assert_eq!(opens.maps.HITS.get(), before);
}

fn fentry_errors() {
    let load = |target: &str| {
        let mut loader = opens::loader();
        loader.consts.PID.set(1);
        loader.progs.enter.target(target);
        loader.load().unwrap_err().to_string()
    };
    assert_eq!(
        load("do_sys_opennat2"),
        "object `opens`, program `enter`: this kernel has no function named `do_sys_opennat2`; \
         did you mean `do_sys_openat2`?"
    );
    let error = load("no_such_module:function");
    assert!(error.contains("no module `no_such_module`"), "{error}");
}

ebpf! {
    /// Keeps what opening a file returns to one process.
    #[license = "GPL"]
    mod results {
        const PID: u32;
        static RESULT: Global<i32> = Global::new(0);

        #[fexit("do_sys_openat2")]
        fn leave(ctx: *mut c_void) -> i32 {
            r6 = *(u32 *)(r1 + {arg_offset(3)});  // behind three arguments
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            if w0 != PID goto end;
            r1 = RESULT ll;
            *(u32 *)(r1 + 0) = w6;
        end:
            r0 = 0;
            exit;
        }
    }
}

fn fexit() {
    let mut loader = results::loader();
    loader.consts.PID.set(std::process::id());
    let results = loader.load().unwrap();
    let link = results.progs.leave.attach().unwrap();
    let file = File::open("/").unwrap();
    assert_eq!(results.maps.RESULT.get(), file.as_raw_fd());
    File::open("/no/such/file").unwrap_err();
    assert_eq!(results.maps.RESULT.get(), -libc::ENOENT);
    assert_eq!(link.info().unwrap().link_type, Some(LinkType::Tracing));
}

ebpf! {
    /// Refuses files to one thread, and counts.
    #[license = "GPL"]
    mod refusals {
        const TID: u32;
        static HITS: Global<u64> = Global::new(0);

        #[fmod_ret("security_file_open")]
        fn instead(ctx: *mut c_void) -> i32 {
            call decide;
            exit;
        }

        #[lsm("file_open")]
        fn hook(ctx: *mut c_void) -> i32 {
            call decide;
            exit;
        }

        /// What the programs return.
        fn decide() -> i32 {
            call bpf_get_current_pid_tgid;
            if w0 != TID goto allow;
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = -1;  // EPERM
            exit;
        allow:
            r0 = 0;
            exit;
        }
    }
}

/// What opening a file says while something may refuse it.
fn open_a_file() -> Result<(), Option<i32>> {
    let opened = File::open("/proc/self/stat");
    opened.map(drop).map_err(|error| error.raw_os_error())
}

fn load_refusals(keep: impl FnOnce(&mut refusals::ProgramOptions)) -> refusals::Skeleton {
    let mut loader = refusals::loader();
    loader.consts.TID.set(own_tid());
    loader.progs.instead.skip();
    loader.progs.hook.skip();
    keep(&mut loader.progs);
    loader.load().unwrap()
}

/// Files are refused for as long as the link lives.
fn refuses<L>(refusals: &refusals::Skeleton, attach: impl FnOnce() -> L) {
    open_a_file().unwrap();
    let link = attach();
    assert_eq!(open_a_file(), Err(Some(libc::EPERM)));
    // Only to this thread.
    std::thread::spawn(open_a_file).join().unwrap().unwrap();
    drop(link);
    open_a_file().unwrap();
    assert!(refusals.maps.HITS.get() >= 1);
}

fn fmod_ret() {
    let refusals = load_refusals(|progs| progs.instead = Default::default());
    refuses(&refusals, || refusals.progs.instead.attach().unwrap());
    // A function that does not allow it.
    let mut loader = refusals::loader();
    loader.consts.TID.set(0);
    loader.progs.hook.skip();
    loader.progs.instead.target("vfs_read");
    let error = loader.load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(
        error.to_string().contains("fmod_ret is for functions that"),
        "{error}"
    );
}

fn lsm() {
    let refusals = load_refusals(|progs| progs.hook = Default::default());
    refuses(&refusals, || refusals.progs.hook.attach().unwrap());
    let mut loader = refusals::loader();
    loader.consts.TID.set(0);
    loader.progs.instead.skip();
    loader.progs.hook.target("file_opne");
    let error = loader.load().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("no security hook named `file_opne`; did you mean `file_open`?"),
        "{error}"
    );
}

ebpf! {
    /// Programs that may wait.
    #[license = "GPL"]
    mod sleepers {
        static STARTED: HashMap<u32, u32> = HashMap::with_max_entries(256);
        static SEEN: Global<u64> = Global::new(0);

        /// Keeps who starts a program.
        #[lsm("bprm_committed_creds", sleepable)]
        fn start(ctx: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            *(u32 *)(r10 - 4) = w0;
            *(u32 *)(r10 - 8) = 1;
            r1 = STARTED ll;
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -8;
            r4 = 0;
            call bpf_map_update_elem;
            r0 = 0;
            exit;
        }

        /// At a function that the kernel calls when it is asked for a test run.
        #[fentry("bpf_fentry_test1", sleepable)]
        fn enter(ctx: *mut c_void) -> i32 {
            r2 = *(u32 *)(r1 + {arg_offset(0)});
            r1 = SEEN ll;
            *(u64 *)(r1 + 0) = r2;
            r0 = 0;
            exit;
        }
    }
}

fn lsm_sleepable() {
    let mut loader = sleepers::loader();
    loader.progs.enter.skip();
    let sleepers = loader.load().unwrap();
    let link = sleepers.progs.start.attach().unwrap();
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.arg("--list").stdout(Stdio::null()).spawn().unwrap();
        assert!(child.wait().unwrap().success());
        child.id()
    };
    let seen = |pid: u32| sleepers.maps.STARTED.get(&pid).unwrap().is_some();
    assert!(seen(start()));
    drop(link);
    assert!(!seen(start()));
    // A hook where nothing may wait.
    let mut loader = sleepers::loader();
    loader.progs.enter.skip();
    loader.progs.start.target("task_free");
    let error = loader.load().unwrap_err();
    assert!(
        error.to_string().contains("leave `sleepable` out"),
        "{error}"
    );
}

fn fentry_sleepable() {
    let mut loader = sleepers::loader();
    loader.progs.start.skip();
    let sleepers = loader.load().unwrap();
    let enter = &sleepers.progs.enter;
    let _link = enter.attach().unwrap();
    enter.as_raw().test_run(TestRun::new()).unwrap();
    assert_eq!(sleepers.maps.SEEN.get(), 1, "the kernel passes a one");
    let mut loader = sleepers::loader();
    loader.progs.start.skip();
    loader.progs.enter.target("vfs_read");
    let error = loader.load().unwrap_err();
    assert!(
        error.to_string().contains("leave `sleepable` out"),
        "{error}"
    );
}

ebpf! {
    /// Refuses addresses to one thread.
    #[license = "GPL"]
    mod binds {
        const TID: u32;

        #[lsm_cgroup("socket_bind")]
        fn bind(ctx: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r1 = r0;
            r0 = 1;
            if w1 != TID goto end;
            r0 = 0;
        end:
            exit;
        }
    }
}

fn lsm_cgroup() {
    let mut loader = binds::loader();
    loader.consts.TID.set(own_tid());
    let binds = loader.load().unwrap();
    let group = File::open(kernel_test::cgroup2().unwrap()).unwrap();
    let bind = || std::net::UdpSocket::bind("127.0.0.1:0").map(drop);
    bind().unwrap();
    let link = binds.progs.bind.attach_to(&group).unwrap();
    assert_eq!(bind().unwrap_err().raw_os_error(), Some(libc::EPERM));
    std::thread::spawn(bind).join().unwrap().unwrap();
    use std::os::unix::fs::MetadataExt;
    let details = LinkDetails::Cgroup {
        cgroup_id: group.metadata().unwrap().ino(),
        attach_type: Some(AttachType::LsmCgroup),
    };
    assert_eq!(link.info().unwrap().details, details);
    link.detach().unwrap();
    // Cgroups let go of programs a moment later.
    assert!(super::common::eventually(|| bind().is_ok()));
    let error = binds.progs.bind.attach_to(&File::open("/").unwrap());
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("a cgroup's directory")
    );
}

ebpf! {
    /// Adds up cookies.
    #[license = "GPL"]
    mod tokens {
        const PID: u32;
        static SUM: Global<u64> = Global::new(0);

        #[fentry("do_sys_openat2")]
        fn function(ctx: *mut c_void) -> i32 { call add; r0 = 0; exit }

        #[tp_btf("sys_enter")]
        fn point(ctx: *mut c_void) -> i32 { call add; r0 = 0; exit }

        fn add(ctx: *mut c_void) -> i32 {
            r6 = r1;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            if w0 != PID goto end;
            r1 = r6;
            call bpf_get_attach_cookie;
            r1 = SUM ll;
            lock *(u64 *)(r1 + 0) += r0;
        end:
            r0 = 0;
            exit;
        }
    }
}

/// A number that is the sum of cookies, one for each open file.
const COOKIE: u64 = 1 << 40;

fn fentry_cookie() {
    let mut loader = tokens::loader();
    loader.consts.PID.set(std::process::id());
    loader.progs.point.skip();
    let tokens = loader.load().unwrap();
    let _link = tokens.progs.function.attach_with_cookie(COOKIE).unwrap();
    make_system_calls(10);
    let sum = tokens.maps.SUM.get();
    assert!(sum >= 10 * COOKIE && sum.is_multiple_of(COOKIE), "{sum:#x}");
}

fn tp_btf_cookie() {
    let mut loader = tokens::loader();
    loader.consts.PID.set(std::process::id());
    loader.progs.function.skip();
    let tokens = loader.load().unwrap();
    let _link = tokens.progs.point.attach_with_cookie(COOKIE).unwrap();
    make_system_calls(10);
    let sum = tokens.maps.SUM.get();
    assert!(sum >= 10 * COOKIE && sum.is_multiple_of(COOKIE), "{sum:#x}");
}
