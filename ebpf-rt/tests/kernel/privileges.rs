//! Who may do what, and what those are told who may not.

use super::common::{load_plain, object, program, returns};
use ebpf_rt::object::ProgramKind;
use ebpf_rt::programs::{RawTracepoint, Tracepoint};
use ebpf_rt::{Error, HashMap, TracePipe};
use kernel_test::{Child, Need, Suite};

const SYS_ADMIN: u64 = 1 << 21;
const PERFMON: u64 = 1 << 38;
const BPF: u64 = 1 << 39;
const NOBODY: u32 = 65_534;

pub(crate) fn add(suite: &mut Suite) {
    let needs = &[
        Need::Root,
        Need::Kernel(5, 11),
        Need::Other(bpf_is_privileged),
    ];
    suite.test("privileges::nobody", needs, nobody);
    suite.test("privileges::without_perfmon", needs, without_perfmon);
    suite.test("privileges::without_bpf", needs, without_bpf);
    suite.test("privileges::without_sys_admin", needs, without_sys_admin);
    suite.test("privileges::sys_admin_alone", needs, sys_admin_alone);
    suite.child("tell", tell);
}

fn bpf_is_privileged() -> Result<(), String> {
    match std::fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled") {
        Ok(text) if text.trim() == "2" => Ok(()),
        Ok(text) => Err(format!(
            "unprivileged_bpf_disabled is {}, not 2",
            text.trim()
        )),
        Err(error) => Err(format!("unprivileged_bpf_disabled: {error}")),
    }
}

/// Tries everything; a line for each.
fn tell() {
    let line = |what: &str, result: Result<(), Error>| match result {
        Ok(()) => println!("{what}: ok"),
        Err(error) => println!("{what}: {error}"),
    };
    let load = |kind| load_plain(&object(vec![], vec![program("p", kind, &returns(0))]));
    line("map", HashMap::<u32, u64>::create(4).map(drop));
    line("filter", load(ProgramKind::SocketFilter).map(drop));
    let tracepoint = ProgramKind::Tracepoint {
        category: "syscalls",
        name: "sys_enter_openat",
    };
    let attached = load(tracepoint).and_then(|mut loaded| {
        let program: Tracepoint = loaded.program(0)?;
        program.attach().map(drop)
    });
    line("tracepoint", attached);
    let raw = ProgramKind::RawTracepoint { name: "sys_enter" };
    let attached = load(raw).and_then(|mut loaded| {
        let program: RawTracepoint = loaded.program(0)?;
        program.attach().map(drop)
    });
    line("raw", attached);
    line("pipe", TracePipe::open().map(drop));
}

const LACKS_BPF: &str = "the process lacks CAP_BPF (unprivileged_bpf_disabled is 2); run it as \
    root or give the executable the capability: setcap cap_bpf+ep FILE";
const LACKS_PERFMON: &str = "the process lacks CAP_PERFMON (unprivileged_bpf_disabled is 2); run \
    it as root or give the executable the capability: setcap cap_perfmon+ep FILE";
const LACKS_BOTH: &str = "the process lacks CAP_BPF and CAP_PERFMON (unprivileged_bpf_disabled \
    is 2); run it as root or give the executable the capability: setcap \
    cap_bpf,cap_perfmon+ep FILE";
const NO_TRACEFS: &str = "making an instance of tracefs failed with EPERM: tracefs is not \
    mounted, and for an instance of its own the process lacks CAP_SYS_ADMIN; let root mount it: \
    mount -t tracefs none /sys/kernel/tracing";

fn load_failed(reason: &str) -> String {
    format!("object `test`, program `p`: BPF_PROG_LOAD failed with EPERM: {reason}")
}

fn map_failed(reason: &str) -> String {
    format!("map `hash_map`: BPF_MAP_CREATE failed with EPERM: {reason}")
}

/// The line about `what` of a child with these privileges.
fn told(child: Child) -> impl Fn(&str) -> String {
    let output = child.output();
    move |what| {
        let start = format!("{what}: ");
        let line = output.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("{what} in {output}"))
            .to_owned()
    }
}

/// What opening tracefs says: it depends on whether somebody has mounted it.
fn is_about_tracefs(line: &str) -> bool {
    line.contains(NO_TRACEFS)
        || line.contains("only root may look into tracefs; run as root, or mount it with a gid=")
}

fn nobody() {
    let told = told(Child::new("tell").uid(NOBODY));
    assert_eq!(told("map"), map_failed(LACKS_BPF));
    assert_eq!(told("filter"), load_failed(LACKS_BPF));
    assert_eq!(told("tracepoint"), load_failed(LACKS_BOTH));
    assert_eq!(told("raw"), load_failed(LACKS_BOTH));
    assert!(is_about_tracefs(&told("pipe")), "{}", told("pipe"));
}

fn without_perfmon() {
    let told = told(Child::new("tell").capabilities(BPF));
    assert_eq!(told("map"), "ok");
    assert_eq!(told("filter"), "ok");
    assert_eq!(told("tracepoint"), load_failed(LACKS_PERFMON));
    assert_eq!(told("raw"), load_failed(LACKS_PERFMON));
}

fn without_bpf() {
    let told = told(Child::new("tell").capabilities(PERFMON));
    assert_eq!(told("map"), map_failed(LACKS_BPF));
    assert_eq!(told("filter"), load_failed(LACKS_BPF));
    assert_eq!(told("tracepoint"), load_failed(LACKS_BPF));
    assert_eq!(told("raw"), load_failed(LACKS_BPF));
}

fn without_sys_admin() {
    let told = told(Child::new("tell").uid(NOBODY).capabilities(BPF | PERFMON));
    assert_eq!(told("map"), "ok");
    assert_eq!(told("filter"), "ok");
    assert_eq!(told("raw"), "ok");
    let line = told("tracepoint");
    assert!(
        line.starts_with("object `test`, program `p`: ") && is_about_tracefs(&line),
        "{line}"
    );
    assert!(is_about_tracefs(&told("pipe")), "{}", told("pipe"));
}

fn sys_admin_alone() {
    let told = told(Child::new("tell").capabilities(SYS_ADMIN));
    for what in ["map", "filter", "tracepoint", "raw"] {
        assert_eq!(told(what), "ok", "{what}");
    }
}
