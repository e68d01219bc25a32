//! The page of program kinds.

use super::{Markdown, Page, linux, table};
use ebpf_asm::object::ProgramKind;
use ebpf_asm::{KernelVersion, ProgramType};

/// What the enum of kinds does not say of one.
struct Facts {
    /// The attribute's name.
    name: &'static str,
    /// Its forms, as source has them.
    forms: &'static [&'static str],
    /// The handle in `ebpf_rt::programs`.
    handle: &'static str,
    /// When it runs.
    runs: &'static str,
    /// What `r1` points to.
    context: &'static str,
    /// What the kernel makes of `r0`.
    result: &'static str,
    /// How it is attached.
    attach: &'static str,
}

const REGISTERS: &str = "the registers there (`pt_regs`): arguments by `context::PT_REGS_PARM1_OFFSET` \
    and its kin, the result by `PT_REGS_RC_OFFSET`";
const ARGUMENTS: &str = "the arguments, eight bytes each: `context::arg_offset(0)`";
const IGNORED: &str = "ignored; 0 by custom";
const SESSION: &str = "at the beginning: 0 to run at the return as well, 1 not to";

const FACTS: &[Facts] = &[
    Facts {
        name: "socket_filter",
        forms: &["socket_filter"],
        handle: "SocketFilter",
        runs: "For each packet that a socket receives, before its reader sees it.",
        context: "`context::__sk_buff`",
        result: "how many bytes of the packet to keep; 0 drops it",
        attach: "`attach_to(&socket)`, `attach_to_reuseport(&socket)`",
    },
    Facts {
        name: "tracepoint",
        forms: &["tracepoint(\"category\", \"name\")"],
        handle: "Tracepoint",
        runs: "At a stable trace point of the kernel, with its record.",
        context: "the record, as `events/CATEGORY/NAME/format` of tracefs describes it: `derive(TracepointRecord)`",
        result: "0 keeps the record from other readers of this perf event; 1 by custom where perf reads it too",
        attach: "`attach()`, `attach_to(category, name)`, `attach_with_cookie(…)` (5.15)",
    },
    Facts {
        name: "raw_tracepoint",
        forms: &["raw_tracepoint(\"name\")"],
        handle: "RawTracepoint",
        runs: "At a trace point, with the arguments that the kernel's code hands it.",
        context: ARGUMENTS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(name)`, `attach_with_cookie(…)` (6.10)",
    },
    Facts {
        name: "raw_tracepoint_writable",
        forms: &["raw_tracepoint_writable(\"name\")"],
        handle: "RawTracepoint",
        runs: "At one of the trace points that let a program write to the buffer they pass.",
        context: ARGUMENTS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(name)`",
    },
    Facts {
        name: "kprobe",
        forms: &["kprobe(\"symbol\")", "kprobe(\"symbol\", offset = 4)"],
        handle: "Kprobe",
        runs: "Where a function of the kernel begins, or at an instruction in it.",
        context: REGISTERS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(KprobePoint)`, `attach_to_syscall(name)`",
    },
    Facts {
        name: "kretprobe",
        forms: &["kretprobe(\"symbol\")"],
        handle: "Kprobe",
        runs: "Where a function of the kernel returns.",
        context: REGISTERS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(KprobePoint)`",
    },
    Facts {
        name: "kprobe_multi",
        forms: &["kprobe_multi(\"pattern\")"],
        handle: "KprobeMulti",
        runs: "Where any of many functions of the kernel begins; one link for all.",
        context: REGISTERS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(KprobeMultiPoint)`",
    },
    Facts {
        name: "kretprobe_multi",
        forms: &["kretprobe_multi(\"pattern\")"],
        handle: "KprobeMulti",
        runs: "Where any of them returns.",
        context: REGISTERS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(KprobeMultiPoint)`",
    },
    Facts {
        name: "kprobe_session",
        forms: &["kprobe_session(\"pattern\")"],
        handle: "KprobeMulti",
        runs: "Where any of them begins, and where that call returns if the program wants it.",
        context: REGISTERS,
        result: SESSION,
        attach: "`attach()`, `attach_to(KprobeMultiPoint)`",
    },
    Facts {
        name: "uprobe",
        forms: &[
            "uprobe(\"path\", \"symbol\")",
            "uprobe(\"path\", \"symbol\", offset = 4)",
            "uprobe(\"path\", offset = 4096)",
            "uprobe",
        ],
        handle: "Uprobe",
        runs: "Where a function of a program or library begins, or at an instruction.",
        context: REGISTERS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(UprobePoint)`; feature `uprobes`",
    },
    Facts {
        name: "uretprobe",
        forms: &[
            "uretprobe(\"path\", \"symbol\")",
            "uretprobe(\"path\", offset = 4096)",
            "uretprobe",
        ],
        handle: "Uprobe",
        runs: "Where such a function returns.",
        context: REGISTERS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(UprobePoint)`; feature `uprobes`",
    },
    Facts {
        name: "uprobe_multi",
        forms: &["uprobe_multi(\"path\", \"pattern\")", "uprobe_multi"],
        handle: "UprobeMulti",
        runs: "Where any of many functions of a program or library begins; one link for all.",
        context: REGISTERS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(UprobeMultiPoint)`; feature `uprobes`",
    },
    Facts {
        name: "uretprobe_multi",
        forms: &["uretprobe_multi(\"path\", \"pattern\")", "uretprobe_multi"],
        handle: "UprobeMulti",
        runs: "Where any of them returns.",
        context: REGISTERS,
        result: IGNORED,
        attach: "`attach()`, `attach_to(UprobeMultiPoint)`; feature `uprobes`",
    },
    Facts {
        name: "uprobe_session",
        forms: &["uprobe_session(\"path\", \"pattern\")", "uprobe_session"],
        handle: "UprobeMulti",
        runs: "Where any of them begins, and where that call returns if the program wants it.",
        context: REGISTERS,
        result: SESSION,
        attach: "`attach()`, `attach_to(UprobeMultiPoint)`; feature `uprobes`",
    },
    Facts {
        name: "usdt",
        forms: &["usdt(\"path\", \"provider\", \"name\")", "usdt"],
        handle: "Usdt",
        runs: "At the static probes that a program or library was built with.",
        context: "the registers there (`pt_regs`); where the arguments are, `UsdtArgumentSpec` says",
        result: IGNORED,
        attach: "`attach()`, `attach_to(UsdtPoint)`, `attach_with_arguments(…)`; feature `uprobes`",
    },
    Facts {
        name: "perf_event",
        forms: &["perf_event"],
        handle: "PerfEvent",
        runs: "At each sample of a counter or clock.",
        context: "`context::bpf_perf_event_data`",
        result: "0 drops the sample, 1 keeps it for who reads the event",
        attach: "`attach_to(PerfEventPoint)`",
    },
    Facts {
        name: "sk_skb_stream_parser",
        forms: &["sk_skb_stream_parser"],
        handle: "SkSkb",
        runs: "On what a sockmap's socket receives, to find where messages end.",
        context: "`context::__sk_buff`",
        result: "the length of the message; 0 if more bytes are needed, negative for an error",
        attach: "`attach_to(&map)`",
    },
    Facts {
        name: "sk_skb_stream_verdict",
        forms: &["sk_skb_stream_verdict"],
        handle: "SkSkb",
        runs: "On each message that the parser found.",
        context: "`context::__sk_buff`",
        result: "`SK_PASS` (1), `SK_DROP` (0), or what `bpf_sk_redirect_map` returned",
        attach: "`attach_to(&map)`",
    },
    Facts {
        name: "sk_skb_verdict",
        forms: &["sk_skb_verdict"],
        handle: "SkSkb",
        runs: "On what a sockmap's socket receives, without a parser.",
        context: "`context::__sk_buff`",
        result: "`SK_PASS` (1), `SK_DROP` (0), or what `bpf_sk_redirect_map` returned",
        attach: "`attach_to(&map)`",
    },
    Facts {
        name: "fentry",
        forms: &[
            "fentry(\"function\")",
            "fentry(\"function\", sleepable)",
            "fentry",
        ],
        handle: "Fentry",
        runs: "Where a function of the kernel or of another program begins.",
        context: ARGUMENTS,
        result: "0",
        attach: "`attach()`, `attach_with_cookie(…)`",
    },
    Facts {
        name: "fexit",
        forms: &[
            "fexit(\"function\")",
            "fexit(\"function\", sleepable)",
            "fexit",
        ],
        handle: "Fexit",
        runs: "Where it returns.",
        context: "the arguments, eight bytes each, and behind the last the result",
        result: "0",
        attach: "`attach()`, `attach_with_cookie(…)`",
    },
    Facts {
        name: "fmod_ret",
        forms: &[
            "fmod_ret(\"function\")",
            "fmod_ret(\"function\", sleepable)",
            "fmod_ret",
        ],
        handle: "FmodRet",
        runs: "Before a function of the kernel that allows it: security hooks, and functions marked \
            `ALLOW_ERROR_INJECTION`, as system calls are.",
        context: "the arguments, and behind the last what the program before returned",
        result: "0 to run the function; anything else is its result, and it does not run",
        attach: "`attach()`, `attach_with_cookie(…)`",
    },
    Facts {
        name: "tp_btf",
        forms: &["tp_btf(\"name\")", "tp_btf"],
        handle: "BtfTracepoint",
        runs: "At a trace point, with typed arguments: pointers can be followed without a helper.",
        context: ARGUMENTS,
        result: IGNORED,
        attach: "`attach()`, `attach_with_cookie(…)`",
    },
    Facts {
        name: "lsm",
        forms: &["lsm(\"hook\")", "lsm(\"hook\", sleepable)", "lsm"],
        handle: "Lsm",
        runs: "At a security hook, beside the other security modules.",
        context: "the hook's arguments, and behind the last what the program before returned",
        result: "0 to allow, a negative error number to refuse",
        attach: "`attach()`, `attach_with_cookie(…)`",
    },
    Facts {
        name: "lsm_cgroup",
        forms: &["lsm_cgroup(\"hook\")", "lsm_cgroup"],
        handle: "LsmCgroup",
        runs: "At a security hook, for the tasks of a cgroup.",
        context: "the hook's arguments",
        result: "1 to allow, 0 to refuse",
        attach: "`attach_to(&cgroup)`",
    },
    Facts {
        name: "iter",
        forms: &["iter(\"target\")", "iter(\"target\", sleepable)", "iter"],
        handle: "Iter",
        runs: "For each of a kind of things that the kernel has, while a file is read.",
        context: "`context::bpf_iter__task` and the like",
        result: "0, or 1 to be run again for the same thing",
        attach: "`attach()`, `attach_to(IterParameters)`",
    },
    Facts {
        name: "freplace",
        forms: &["freplace(\"function\")", "freplace"],
        handle: "Extension",
        runs: "In the place of a global function of a program that is loaded.",
        context: "the function's arguments, in `r1` to `r5`",
        result: "the function's result",
        attach: "`attach()`, `attach_to(…)` another program of the same signature",
    },
    Facts {
        name: "struct_ops",
        forms: &[
            "struct_ops(\"ops\", \"member\")",
            "struct_ops(\"ops\", \"member\", sleepable)",
        ],
        handle: "StructOps",
        runs: "When the kernel calls that function of a table.",
        context: ARGUMENTS,
        result: "what the kernel's function returns, if it returns something",
        attach: "through the map: `StructOps::attach()`",
    },
];

pub(super) fn page() -> Page {
    let mut page = Markdown::page("Program kinds");
    page.block(
        "The attribute of a function says what kind of program it is and where it goes. The argument of \
         the program, which is in `r1` when it begins, is its *context*. What the attribute leaves out is \
         said when the program is loaded or attached.",
    );
    let rows: Vec<_> = ProgramKind::ALL
        .iter()
        .map(|&kind| overview_row(kind))
        .collect();
    page.block(&table(&["attribute", "program type", "Linux"], &rows));
    page.block(
        "`sleepable` programs may wait, for memory of user space that is not there; they can only be at \
         functions that may wait as well. `offset` is in bytes.",
    );
    for facts in FACTS {
        let Some(kind) = ProgramKind::from_name(facts.name) else {
            continue;
        };
        page.block(&format!("## {0} {{#{0}}}", facts.name));
        page.block(facts.runs);
        let forms = facts.forms.iter().map(|form| format!("#[{form}]\n"));
        page.block(&format!("```rust\n{}```", forms.collect::<String>()));
        let attach_type = kind.expected_attach_type().map_or_else(
            || "none is told".to_owned(),
            |ty| format!("`{}`", ty.kernel_name()),
        );
        let mut since = linux(kind.since());
        if let Some(version) = sleepable_since(facts) {
            since.push_str(&format!("; with `sleepable` {version}"));
        }
        let rows = [
            [
                "program type",
                &format!("`{}`", kind.program_type().kernel_name()),
            ],
            ["attach type", &attach_type],
            ["first kernel", &since],
            ["context", facts.context],
            ["result", facts.result],
            [
                "handle",
                &format!("`programs::{}`: {}", facts.handle, facts.attach),
            ],
        ];
        let rows: Vec<_> = rows
            .iter()
            .map(|row| row.map(str::to_owned).to_vec())
            .collect();
        page.block(&table(&["", ""], &rows));
    }
    page.block("## The kernel’s program types");
    page.block(
        "All of them, with the attributes that make one. Those without one cannot be written in an \
         object yet; `ebpf_asm!` makes their instructions for another loader.",
    );
    let rows: Vec<_> = ProgramType::ALL.iter().map(|&ty| type_row(ty)).collect();
    page.block(&table(&["type", "number", "Linux", "attributes"], &rows));
    page.into_page("programs.md")
}

fn overview_row(kind: ProgramKind) -> Vec<String> {
    let name = kind.name();
    vec![
        format!("[`{name}`](#{name})"),
        kind.program_type().to_string(),
        kind.since().to_string(),
    ]
}

fn type_row(ty: ProgramType) -> Vec<String> {
    let kinds = ProgramKind::ALL
        .iter()
        .filter(|kind| kind.program_type() == ty)
        .map(|kind| format!("[`{0}`](#{0})", kind.name()));
    vec![
        format!("`{}`", ty.kernel_name()),
        ty.as_raw().to_string(),
        ty.since().to_string(),
        kinds.collect::<Vec<_>>().join(", "),
    ]
}

fn sleepable_since(facts: &Facts) -> Option<KernelVersion> {
    if !facts.forms.iter().any(|form| form.contains("sleepable")) {
        return None;
    }
    let mut kind = ProgramKind::from_name(facts.name)?;
    match &mut kind {
        ProgramKind::Fentry { sleepable, .. }
        | ProgramKind::Fexit { sleepable, .. }
        | ProgramKind::FmodRet { sleepable, .. }
        | ProgramKind::Lsm { sleepable, .. }
        | ProgramKind::Iter { sleepable, .. }
        | ProgramKind::StructOps { sleepable, .. } => *sleepable = true,
        _ => return None,
    }
    Some(kind.since())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_there_once() {
        let found: Vec<&str> = FACTS.iter().map(|facts| facts.name).collect();
        let kinds: Vec<&str> = ProgramKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(found, kinds);
    }

    /// Names of types that exist, without doubles.
    macro_rules! types {
        ($($name:ident)*) => {
            [$((stringify!($name), size_of::<ebpf_rt::programs::$name>())),*]
        };
    }

    #[test]
    fn handles_exist_and_none_is_left_out() {
        let types = types! {
            BtfTracepoint Extension Fentry Fexit FmodRet Iter Kprobe KprobeMulti Lsm LsmCgroup
            PerfEvent RawTracepoint SkSkb SocketFilter StructOps Tracepoint Uprobe UprobeMulti Usdt
        };
        let names: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
        let mut handles: Vec<&str> = FACTS.iter().map(|facts| facts.handle).collect();
        handles.sort_unstable();
        handles.dedup();
        assert_eq!(handles, names);
    }

    #[test]
    fn forms_are_attributes_of_their_kind() {
        for facts in FACTS {
            for form in facts.forms {
                let name = form.split('(').next().unwrap();
                assert_eq!(name, facts.name);
                let sleepable = form.contains("sleepable");
                assert_eq!(sleepable, sleepable && sleepable_since(facts).is_some());
            }
        }
    }
}
