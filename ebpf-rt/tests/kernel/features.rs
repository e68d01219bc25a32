//! Every "since" of the tables against what the running kernel says.
//!
//! What is as old as the kernel has to be there, what is newer must not be. The exceptions are
//! below, each with its reason: they allow an answer, they do not demand one, so that the same
//! tests run on every kernel from 5.10 on.

use super::common::eventually;
use ebpf_rt::features::{self, BtfKind, LinkKind};
use ebpf_rt::helpers::{self, Helper};
use ebpf_rt::isa::{IsaLevel, TABLE};
use ebpf_rt::{Error, ErrorKind, KernelVersion, MapType, ProgramType};
use kernel_test::bpf::{Kind, ids};
use kernel_test::{Child, Need, Suite};
use std::collections::HashSet;

pub(crate) fn add(suite: &mut Suite) {
    const ROOT: &[Need] = &[Need::Root];
    suite.test("features::version", &[], version);
    suite.test("features::program_types", ROOT, program_types);
    suite.test("features::map_types", ROOT, map_types);
    suite.test("features::helpers", ROOT, every_helper);
    suite.test("features::odd_helpers", ROOT, odd_helpers);
    suite.test("features::instructions", ROOT, instructions);
    suite.test("features::isa_levels", ROOT, isa_levels);
    suite.test("features::btf_kinds", ROOT, btf_kinds);
    suite.test("features::links", ROOT, links);
    suite.test("features::nothing_stays", ROOT, nothing_stays);
    suite.test("features::without_privileges", ROOT, without_privileges);
    suite.test("features::with_less_privilege", ROOT, with_less_privilege);
    suite.child("features_answers", print_answers);
    suite.child("features_all", ask_all);
    suite.child("features_as_nobody", ask_as_nobody);
    suite.child("features_with_cap_bpf", ask_with_cap_bpf);
}

fn running() -> KernelVersion {
    features::kernel_version().unwrap()
}

/// Whether this is the kind of machine that refuses programs with `EPERM` which replace or
/// precede functions of the kernel, whatever the capabilities.
fn forbids_trampolines() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    release.contains("-fc-")
}

/// Why an answer may differ from what the versions say.
#[derive(Clone, Copy)]
enum Exception {
    /// It may be missing, or the process may be refused.
    MayLack(&'static str),
    /// It may be there already.
    MayHave(&'static str),
}
use Exception::{MayHave, MayLack};

/// Compares answers with versions.
#[derive(Default)]
struct Comparison {
    wrong: Vec<String>,
    there: usize,
    too_new: usize,
    excepted: Vec<String>,
}

impl Comparison {
    fn compare(
        &mut self,
        what: &str,
        since: KernelVersion,
        answer: Result<bool, Error>,
        exception: Option<Exception>,
    ) {
        match (answer, since <= running(), exception) {
            (Ok(true), true, _) => self.there += 1,
            (Ok(false), false, _) => self.too_new += 1,
            (Ok(false), true, Some(MayLack(reason))) | (Ok(true), false, Some(MayHave(reason))) => {
                self.excepted.push(format!("{what}: {reason}"));
            }
            (Ok(answer), ..) => self.wrong.push(format!(
                "{what}: since {since} says the table, {answer} says Linux {}",
                running()
            )),
            (Err(error), _, Some(MayLack(reason))) if error.kind() == ErrorKind::Permission => {
                self.excepted.push(format!("{what}: {reason}"));
            }
            (Err(error), ..) => self.wrong.push(format!("{what}: {error:?}")),
        }
    }

    /// Fails if something was wrong, or if less than so much was there.
    fn end(self, least: usize) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        println!(
            "{} there, {} too new; exceptions: {:?}",
            self.there, self.too_new, self.excepted
        );
        assert!(self.there >= least, "only {} are there", self.there);
    }
}

fn version() {
    let (major, minor) = kernel_test::kernel_version();
    assert_eq!(running(), KernelVersion::new(major, minor));
}

fn program_types() {
    let mut comparison = Comparison::default();
    for &program_type in ProgramType::ALL {
        let exception = match program_type {
            ProgramType::LircMode2 => Some(MayLack("CONFIG_BPF_LIRC_MODE2")),
            ProgramType::Lsm | ProgramType::Ext if forbids_trampolines() => {
                Some(MayLack("EPERM on this kind of machine"))
            }
            _ => None,
        };
        let answer = features::program_type(program_type);
        comparison.compare(program_type.name(), program_type.since(), answer, exception);
    }
    // 5.10 has 30 types.
    comparison.end(27);
}

fn map_types() {
    let mut comparison = Comparison::default();
    for &map_type in MapType::ALL {
        let answer = features::map_type(map_type);
        comparison.compare(map_type.name(), map_type.since(), answer, None);
    }
    comparison.end(28);
}

/// Types whose helpers depend on what the program attaches to.
const WITH_TARGETS: [ProgramType; 4] = [
    ProgramType::Tracing,
    ProgramType::Lsm,
    ProgramType::Ext,
    ProgramType::StructOps,
];

/// Why a helper may be missing although the kernel is new enough.
fn helper_exception(helper: &Helper) -> Option<Exception> {
    let is = |version: KernelVersion| running() == version;
    match helper.name {
        "bpf_override_return" => Some(MayLack("CONFIG_BPF_KPROBE_OVERRIDE")),
        "bpf_probe_write_user" => Some(MayLack("lockdown=integrity forbids it")),
        "bpf_copy_from_user" if is(KernelVersion::new(5, 10)) => Some(MayLack(
            "at first for sleepable tracing and LSM programs only",
        )),
        _ => None,
    }
}

/// Where 6.18 and 7.3 differ: the table lists what one of them has.
fn is_in_one_only(program_type: ProgramType, helper: &Helper) -> bool {
    match (program_type, helper.name) {
        (ProgramType::CgroupSock, "bpf_setsockopt" | "bpf_getsockopt") => {
            running() < KernelVersion::new(7, 3)
        }
        // Tracepoints may sleep later than uprobes.
        (
            ProgramType::Tracepoint | ProgramType::RawTracepoint,
            "bpf_copy_from_user" | "bpf_copy_from_user_task",
        ) => running() < KernelVersion::new(7, 3),
        (ProgramType::LwtSeg6local, "bpf_skb_pull_data") => running() > KernelVersion::new(6, 18),
        _ => false,
    }
}

fn every_helper() {
    // The table's lists of program types are those of 6.18 and 7.3. Before, a type may not
    // have had a helper yet; after, it may have more.
    let lists_hold =
        running() >= KernelVersion::new(6, 18) && running() <= KernelVersion::new(7, 3);
    let types: Vec<ProgramType> = ProgramType::ALL
        .iter()
        .copied()
        .filter(|of| !WITH_TARGETS.contains(of) && features::program_type(*of).unwrap())
        .collect();
    let mut comparison = Comparison::default();
    for helper in helpers::ALL {
        let exception = helper_exception(helper);
        let (mut asked, mut found) = (false, false);
        for &of in &types {
            let listed = helper.program_types.contains(of);
            // One type is enough for the version; the lists need all.
            if !lists_hold && (!listed || found) {
                continue;
            }
            let answer = features::helper(of, helper).unwrap();
            asked |= listed;
            found |= answer;
            let differs = helper.since > running() || is_in_one_only(of, helper);
            if lists_hold && answer != listed && !differs && exception.is_none() {
                comparison.wrong.push(format!(
                    "{} in {of}: {listed} says the table, {answer} says the kernel",
                    helper.name
                ));
            }
        }
        // Others are for tracing, security hooks and interfaces only.
        if asked {
            comparison.compare(helper.name, helper.since, Ok(found), exception);
        }
    }
    // 5.10 has 155 helpers.
    comparison.end(140);
}

/// Numbers and names beside the table.
fn odd_helpers() {
    let newest = helpers::ALL.len() as u32;
    assert!(features::helper(ProgramType::SocketFilter, 1u32).unwrap());
    assert!(!features::helper(ProgramType::SocketFilter, newest + 1000).unwrap());
    assert!(features::helper(ProgramType::Kprobe, "bpf_get_stackid").unwrap());
    assert!(!features::helper(ProgramType::SocketFilter, "bpf_get_stackid").unwrap());
    // Only for programs that may sleep, which few types can be.
    if running() >= KernelVersion::new(6, 0) {
        assert!(features::helper(ProgramType::Kprobe, "bpf_copy_from_user").unwrap());
    }
    let error = features::helper(ProgramType::Tracing, "bpf_loop").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

fn instructions() {
    let mut comparison = Comparison::default();
    for row in &TABLE {
        let answer = features::instruction(row);
        match row.min_kernel {
            Some(since) => {
                // Stable releases of 6.1 have it: a correction needed it.
                let backport = row.name == "gotol" && running() == KernelVersion::new(6, 1);
                let exception = backport.then_some(MayHave("6.1.y has it"));
                comparison.compare(row.name, since, answer, exception);
            }
            None => assert!(!answer.unwrap(), "{}", row.name),
        }
    }
    comparison.end(100);
}

fn isa_levels() {
    let mut comparison = Comparison::default();
    for (level, since) in [
        (IsaLevel::V1, KernelVersion::new(3, 18)),
        (IsaLevel::V2, KernelVersion::new(4, 14)),
        (IsaLevel::V3, KernelVersion::new(5, 1)),
        (IsaLevel::V4, KernelVersion::new(6, 6)),
    ] {
        comparison.compare(
            &format!("{level:?}"),
            since,
            features::isa_level(level),
            None,
        );
    }
    comparison.end(3);
}

fn btf_kinds() {
    let mut comparison = Comparison::default();
    for &kind in BtfKind::ALL {
        let answer = features::btf_kind(kind);
        comparison.compare(&format!("{kind:?}"), kind.since(), answer, None);
    }
    comparison.end(15);
}

fn links() {
    let mut comparison = Comparison::default();
    for &kind in LinkKind::ALL {
        let exception = match kind {
            LinkKind::KprobeMulti | LinkKind::KprobeSession => Some(MayLack("CONFIG_FPROBE")),
            LinkKind::Netkit => Some(MayLack("CONFIG_NETKIT")),
            _ => None,
        };
        let answer = features::link(kind);
        comparison.compare(kind.name(), kind.since(), answer, exception);
    }
    comparison.end(4);
}

/// In a process of its own: no answer is known there before, and nobody else opens
/// descriptors.
fn nothing_stays() {
    assert_eq!(Child::new("features_all").output(), "asked\n");
}

fn ask_all() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let in_kernel = || -> HashSet<(u32, u32)> {
        let of_kind = |kind: Kind| ids(kind).into_iter().map(move |id| (kind as u32, id));
        [Kind::Program, Kind::Map, Kind::Link]
            .into_iter()
            .flat_map(of_kind)
            .collect()
    };
    let (open, before) = (descriptors(), in_kernel());
    for &map_type in MapType::ALL {
        let _ = features::map_type(map_type);
    }
    for &program_type in ProgramType::ALL {
        let _ = features::program_type(program_type);
    }
    for &kind in BtfKind::ALL {
        let _ = features::btf_kind(kind);
    }
    for &kind in LinkKind::ALL {
        let _ = features::link(kind);
    }
    for row in &TABLE {
        let _ = features::instruction(row);
    }
    let _ = features::helper(ProgramType::Xdp, "bpf_redirect");
    assert_eq!(descriptors(), open, "descriptors");
    // Others may load and unload at the same time, and the kernel frees a moment later: what
    // is new now has to go, while this process lives.
    let new: Vec<_> = in_kernel().difference(&before).copied().collect();
    assert!(
        eventually(|| {
            let now = in_kernel();
            new.iter().all(|id| !now.contains(id))
        }),
        "something of {new:?} stays"
    );
    println!("asked");
}

/// A lack of privileges is an error that says so, never a no.
fn without_privileges() {
    let nobody = Child::new("features_as_nobody").uid(65534).capabilities(0);
    assert_eq!(nobody.output(), "asked\n");
    const CAP_BPF: u64 = 1 << 39;
    let some = Child::new("features_with_cap_bpf")
        .uid(65534)
        .capabilities(CAP_BPF);
    assert_eq!(some.output(), "asked\n");
}

fn is_permission(answer: Result<bool, Error>) -> bool {
    answer.is_err_and(|error| error.kind() == ErrorKind::Permission)
}

fn ask_as_nobody() {
    let switch = std::fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled").unwrap();
    assert!(is_permission(features::program_type(ProgramType::Kprobe)));
    assert!(is_permission(features::link(LinkKind::Perf)));
    if switch.trim() != "0" {
        assert!(is_permission(features::map_type(MapType::Array)));
        assert!(is_permission(features::program_type(
            ProgramType::SocketFilter
        )));
        assert!(is_permission(features::btf_kind(BtfKind::Int)));
        assert!(is_permission(features::instruction(&TABLE[0])));
        assert!(is_permission(features::isa_level(IsaLevel::V1)));
        assert!(is_permission(features::helper(
            ProgramType::SocketFilter,
            1u32
        )));
    }
    println!("asked");
}

/// What is asked with other privileges, and the answers in words.
fn answers() -> Vec<(String, String)> {
    let mut answers = Vec::new();
    let mut add = |what: String, answer: Result<bool, Error>| {
        let words = match answer {
            Ok(answer) => answer.to_string(),
            Err(error) if error.kind() == ErrorKind::Permission => format!("permission: {error}"),
            Err(error) => format!("error: {error}"),
        };
        answers.push((what, words));
    };
    for &of in ProgramType::ALL {
        add(format!("program {of}"), features::program_type(of));
    }
    for &of in MapType::ALL {
        add(format!("map {of}"), features::map_type(of));
    }
    for &kind in BtfKind::ALL {
        add(format!("BTF {kind:?}"), features::btf_kind(kind));
    }
    for &kind in LinkKind::ALL {
        add(format!("link {kind}"), features::link(kind));
    }
    for row in &TABLE {
        add(row.name.to_owned(), features::instruction(row));
    }
    for helper in helpers::ALL {
        let answer = features::helper(ProgramType::Kprobe, helper);
        add(format!("{} in kprobes", helper.name), answer);
    }
    answers
}

fn print_answers() {
    for (what, words) in answers() {
        println!("{what}\t{words}");
    }
}

/// With less privilege an answer is the same, or an error that names what is missing.
fn with_less_privilege() {
    const NET_ADMIN: u64 = 1 << 12;
    const PERFMON: u64 = 1 << 38;
    const BPF: u64 = 1 << 39;
    let of_root = answers();
    let mut wrong = Vec::new();
    for set in [
        0,
        BPF,
        BPF | NET_ADMIN,
        BPF | PERFMON,
        BPF | NET_ADMIN | PERFMON,
    ] {
        let child = Child::new("features_answers").uid(65534).capabilities(set);
        let output = child.output();
        let lines: Vec<_> = output.lines().collect();
        assert_eq!(lines.len(), of_root.len());
        for (line, (what, expected)) in lines.iter().zip(&of_root) {
            let words = line.strip_prefix(&format!("{what}\t")).unwrap();
            let is_explained = words.starts_with("permission: ") && words.contains(" lacks CAP_");
            let is_same = words == expected || expected.starts_with("permission: ");
            if !is_same && !is_explained {
                wrong.push(format!("{set:#x} {what}: root {expected}, here {words}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With `CAP_BPF` alone socket filters load, and the kernel says of what needs `CAP_PERFMON`
/// that it does not know it.
fn ask_with_cap_bpf() {
    assert!(features::helper(ProgramType::SocketFilter, "bpf_map_lookup_elem").unwrap());
    let error = features::helper(ProgramType::SocketFilter, "bpf_trace_printk").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(error.to_string().contains("lacks CAP_PERFMON"), "{error}");
    assert!(is_permission(features::program_type(ProgramType::Kprobe)));
    println!("asked");
}
