//! What the attributes of programs look like: a row for each kind.

use ebpf_asm::ProgramType;
use ebpf_asm::object::ProgramKind;

/// What the attribute of a kind of program looks like, and what becomes of it.
#[derive(Debug)]
pub(super) struct Form {
    /// The attribute: `tracepoint`.
    pub(super) attribute: &'static str,
    /// The variant of `ebpf_asm::object::ProgramKind`.
    pub(super) variant: &'static str,
    /// The type of the handle in `ebpf_rt::programs`.
    pub(super) handle: &'static str,
    /// The strings, by position or by name; the fields of the variant have these names.
    pub(super) strings: &'static [(&'static str, What)],
    /// Whether there is a number beside them.
    pub(super) offset: Offset,
    /// Whether nothing has to be said: the place is known only when the program is loaded or
    /// attached.
    pub(super) optional: bool,
    /// Whether there can be the word `sleepable`, and the variant has such a field.
    pub(super) sleepable: bool,
    /// Whether the kernel does not look at what some of these programs return.
    pub(super) returns_nothing: bool,
}

/// What a string names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    TracePoint,
    Function,
    Pattern,
    File,
    Probe,
    Hook,
    Things,
    Table,
}

impl What {
    /// For the message: "is not …".
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::TracePoint => "the name of a trace point",
            Self::Function => "the name of a function",
            Self::Pattern => "the name of a function or a pattern with `*` and `?`",
            Self::File => "the path of a file or the name of a library",
            Self::Probe => "the name of a provider or probe",
            Self::Hook => "the name of a security hook",
            Self::Things => "what the kernel can go through, like `task`",
            Self::Table => "the name of a struct_ops type or of a member",
        }
    }

    pub(super) fn fits(self, text: &str) -> bool {
        let path = matches!(self, Self::File);
        !text.is_empty() && !text.contains('\0') && (path || !text.contains('/'))
    }
}

/// Whether there can be an `offset = N`, and the variant has such a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offset {
    /// None.
    No,
    /// Into the function.
    Into,
    /// Into the function, or into the file if no function is named.
    IntoOrInstead,
    /// Into the file in place of a function's name.
    Instead,
}

const fn form(
    attribute: &'static str,
    variant: &'static str,
    handle: &'static str,
    strings: &'static [(&'static str, What)],
) -> Form {
    Form {
        attribute,
        variant,
        handle,
        strings,
        offset: Offset::No,
        optional: false,
        sleepable: false,
        returns_nothing: false,
    }
}

impl Form {
    const fn offset(self, offset: Offset) -> Self {
        Self { offset, ..self }
    }

    const fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    const fn sleepable(self) -> Self {
        Self {
            sleepable: true,
            ..self
        }
    }

    const fn returns_nothing(self) -> Self {
        Self {
            returns_nothing: true,
            ..self
        }
    }

    /// The names that arguments can have.
    pub(super) fn argument_names(&self) -> Vec<&'static str> {
        let names = self.strings.iter().map(|(name, _)| *name);
        let offset = (self.offset != Offset::No).then_some("offset");
        let sleepable = self.sleepable.then_some("sleepable");
        names.chain(offset).chain(sleepable).collect()
    }

    /// The type of program that the kernel is told.
    pub(super) fn program_type(&self) -> Option<ProgramType> {
        Some(ProgramKind::from_name(self.attribute)?.program_type())
    }

    /// `#[uprobe("path", "symbol")]`
    pub(super) fn example(&self) -> String {
        let strings: Vec<_> = self
            .strings
            .iter()
            .map(|(n, _)| format!("\"{n}\""))
            .collect();
        match strings.is_empty() {
            true => format!("#[{}]", self.attribute),
            false => format!("#[{}({})]", self.attribute, strings.join(", ")),
        }
    }
}

const FILE: (&str, What) = ("path", What::File);
const SYMBOL: (&str, What) = ("symbol", What::Function);
const PATTERN: (&str, What) = ("pattern", What::Pattern);
const NAME: (&str, What) = ("name", What::TracePoint);
const FUNCTION: (&str, What) = ("function", What::Function);
const HOOK: (&str, What) = ("hook", What::Hook);

pub(super) const FORMS: &[Form] = &[
    form("socket_filter", "SocketFilter", "SocketFilter", &[]),
    form(
        "tracepoint",
        "Tracepoint",
        "Tracepoint",
        &[("category", What::TracePoint), NAME],
    ),
    form("raw_tracepoint", "RawTracepoint", "RawTracepoint", &[NAME]),
    form(
        "raw_tracepoint_writable",
        "RawTracepointWritable",
        "RawTracepoint",
        &[NAME],
    ),
    form("kprobe", "Kprobe", "Kprobe", &[SYMBOL]).offset(Offset::Into),
    form("kretprobe", "Kretprobe", "Kprobe", &[SYMBOL]),
    form("kprobe_multi", "KprobeMulti", "KprobeMulti", &[PATTERN]),
    form(
        "kretprobe_multi",
        "KretprobeMulti",
        "KprobeMulti",
        &[PATTERN],
    ),
    form("kprobe_session", "KprobeSession", "KprobeMulti", &[PATTERN]),
    form("uprobe", "Uprobe", "Uprobe", &[FILE, SYMBOL])
        .offset(Offset::IntoOrInstead)
        .optional(),
    form("uretprobe", "Uretprobe", "Uprobe", &[FILE, SYMBOL])
        .offset(Offset::Instead)
        .optional(),
    form(
        "uprobe_multi",
        "UprobeMulti",
        "UprobeMulti",
        &[FILE, PATTERN],
    )
    .optional(),
    form(
        "uretprobe_multi",
        "UretprobeMulti",
        "UprobeMulti",
        &[FILE, PATTERN],
    )
    .optional(),
    form(
        "uprobe_session",
        "UprobeSession",
        "UprobeMulti",
        &[FILE, PATTERN],
    )
    .optional(),
    form(
        "usdt",
        "Usdt",
        "Usdt",
        &[FILE, ("provider", What::Probe), ("name", What::Probe)],
    )
    .optional(),
    form("perf_event", "PerfEvent", "PerfEvent", &[]),
    form("sk_skb_stream_parser", "SkSkbStreamParser", "SkSkb", &[]),
    form("sk_skb_stream_verdict", "SkSkbStreamVerdict", "SkSkb", &[]),
    form("sk_skb_verdict", "SkSkbVerdict", "SkSkb", &[]),
    form("fentry", "Fentry", "Fentry", &[FUNCTION])
        .optional()
        .sleepable(),
    form("fexit", "Fexit", "Fexit", &[FUNCTION])
        .optional()
        .sleepable(),
    form("fmod_ret", "FmodRet", "FmodRet", &[FUNCTION])
        .optional()
        .sleepable(),
    form("tp_btf", "BtfTracepoint", "BtfTracepoint", &[NAME]).optional(),
    form("lsm", "Lsm", "Lsm", &[HOOK]).optional().sleepable(),
    form("lsm_cgroup", "LsmCgroup", "LsmCgroup", &[HOOK]).optional(),
    form("iter", "Iter", "Iter", &[("target", What::Things)])
        .optional()
        .sleepable(),
    form("freplace", "Extension", "Extension", &[FUNCTION]).optional(),
    form(
        "struct_ops",
        "StructOps",
        "StructOps",
        &[("ops", What::Table), ("member", What::Table)],
    )
    .sleepable()
    .returns_nothing(),
];
