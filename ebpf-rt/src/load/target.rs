//! What programs are loaded for that the kernel knows by its BTF: found by name.

use super::RawProgramOptions;
use crate::btf::{Btf, Definition, Kind};
use crate::kernel_btf::{self, ModuleBtf};
use crate::sys::bpf::{self, AttachTo, Command};
use crate::{Errno, Error, ErrorKind, capabilities, kallsyms, similar};
use ebpf_asm::object::{ProgramDef, ProgramKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// What a program is loaded for.
#[derive(Debug)]
pub(crate) struct Target {
    /// As it was named.
    pub(crate) name: String,
    type_id: u32,
    owner: Owner,
    /// The position of the member, of programs that are one of a table.
    pub(crate) member: Option<u32>,
}

/// Whose type it is.
#[derive(Debug)]
enum Owner {
    Kernel,
    Module(ModuleBtf),
    Program(Arc<OwnedFd>),
}

impl Target {
    /// What a load says.
    pub(crate) fn attach_to(&self) -> AttachTo<'_> {
        AttachTo {
            type_id: self.type_id,
            owner: match &self.owner {
                Owner::Kernel => None,
                Owner::Module(module) => Some(module.as_fd()),
                Owner::Program(fd) => Some(fd.as_fd()),
            },
        }
    }
}

/// What the programs of a kind go to.
struct Wanted {
    /// As the user names it.
    name: &'static str,
    /// What the kernel's types have before the name.
    prefix: &'static str,
    kind: Kind,
    /// For messages: "this kernel has no …".
    what: &'static str,
    /// What a kernel without any of them lacks.
    option: &'static str,
}

fn wanted(kind: ProgramKind) -> Option<Wanted> {
    let wanted = |name, prefix, kind, what, option| Wanted {
        name,
        prefix,
        kind,
        what,
        option,
    };
    Some(match kind {
        ProgramKind::Fentry { function, .. }
        | ProgramKind::Fexit { function, .. }
        | ProgramKind::FmodRet { function, .. }
        | ProgramKind::Extension { function } => wanted(
            function,
            "",
            Kind::Func,
            "function",
            "CONFIG_DEBUG_INFO_BTF",
        ),
        ProgramKind::BtfTracepoint { name } => wanted(
            name,
            "btf_trace_",
            Kind::Typedef,
            "trace point",
            "CONFIG_BPF_EVENTS",
        ),
        ProgramKind::Lsm { hook, .. } | ProgramKind::LsmCgroup { hook } => wanted(
            hook,
            "bpf_lsm_",
            Kind::Func,
            "security hook",
            "CONFIG_BPF_LSM",
        ),
        ProgramKind::Iter { target, .. } => wanted(
            target,
            "bpf_iter_",
            Kind::Func,
            "iterator",
            "CONFIG_BPF_SYSCALL",
        ),
        ProgramKind::StructOps { ops, .. } => wanted(
            ops,
            "bpf_struct_ops_",
            Kind::Struct,
            "struct_ops type",
            "CONFIG_BPF_JIT",
        ),
        _ => return None,
    })
}

/// What was said about where a program goes.
struct Said<'a> {
    wanted: Wanted,
    name: &'a str,
    /// Where, if not in the kernel.
    program: Option<Arc<OwnedFd>>,
}

/// What was said about where the program goes; nothing if its kind does not ask. The kernel is not
/// asked.
fn said<'a>(
    def: &ProgramDef,
    options: Option<&'a RawProgramOptions>,
) -> Result<Option<Said<'a>>, Error> {
    let said = options.and_then(|options| options.target.as_deref());
    let in_program = options.and_then(|options| options.target_program.clone());
    let Some(wanted) = wanted(def.kind) else {
        return match said.is_some() || in_program.is_some() {
            false => Ok(None),
            true => Err(Error::invalid(format!(
                "a target is said for it, and a {} program has none when it is loaded",
                def.kind.name()
            ))),
        };
    };
    let name = said.unwrap_or(wanted.name);
    if name.is_empty() {
        return Err(
            Error::invalid("its attribute does not say where it goes").remedy(format!(
                "say it before loading: loader.progs.{}.target(…)",
                def.name
            )),
        );
    }
    if matches!(def.kind, ProgramKind::Extension { .. }) && in_program.is_none() {
        return Err(
            Error::invalid("the program that it is to replace a function of is not said").remedy(
                format!(
                    "say it before loading: loader.progs.{}.target_program(&program)?",
                    def.name
                ),
            ),
        );
    }
    Ok(Some(Said {
        wanted,
        name,
        program: in_program,
    }))
}

/// Whether it is said where the program goes.
pub(super) fn check(def: &ProgramDef, options: Option<&RawProgramOptions>) -> Result<(), Error> {
    said(def, options)
        .map(drop)
        .map_err(|error| error.of_program(def.name))
}

/// What the program is loaded for; nothing if its kind does not ask.
pub(super) fn find(
    def: &ProgramDef,
    options: Option<&RawProgramOptions>,
) -> Result<Option<Target>, Error> {
    let Some(said) = said(def, options)? else {
        return Ok(None);
    };
    let Said {
        wanted,
        name,
        program,
    } = said;
    let found = match (program, def.kind) {
        (Some(program), _) => function_of_program(program.as_fd(), name).map(|type_id| Target {
            name: name.to_owned(),
            type_id,
            owner: Owner::Program(program),
            member: None,
        }),
        (None, ProgramKind::StructOps { member, .. }) => member_of_table(name, member),
        (None, _) => in_kernel(name, &wanted),
    };
    found
        .map(Some)
        .map_err(|error| explain_since(error, def.kind))
}

/// After a failure: whether the kernel is older than the kind of program.
fn explain_since(error: Error, kind: ProgramKind) -> Error {
    if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) {
        return error;
    }
    let since = kind.since();
    let what = format!("a {} program", kind.name());
    capabilities::explain_since(error, since.major, since.minor, &what)
}

/// Types of the kernel, or of a module that adds to them.
pub(super) enum Source {
    Kernel(&'static Btf<'static>),
    Module(Btf<'static>, ModuleBtf),
}

impl Source {
    pub(super) fn btf(&self) -> &Btf<'static> {
        match self {
            Self::Kernel(btf) => btf,
            Self::Module(btf, _) => btf,
        }
    }

    /// The descriptor of a module's types.
    pub(super) fn module(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Kernel(_) => None,
            Self::Module(_, module) => Some(module.as_fd()),
        }
    }

    fn into_owner(self) -> Owner {
        match self {
            Self::Kernel(_) => Owner::Kernel,
            Self::Module(_, module) => Owner::Module(module),
        }
    }
}

/// The types that have one of this kind and name: the kernel's, else a module's. With `module`
/// only that module's.
fn source_of(name: &str, kind: Kind, module: Option<&str>) -> Result<Option<Source>, Error> {
    let vmlinux = kernel_btf::vmlinux()?;
    let has = match module {
        None if vmlinux.find_own(name, kind).is_ok() => return Ok(Some(Source::Kernel(vmlinux))),
        None => {
            let names = kernel_btf::module_names()?;
            // A module that goes meanwhile has nothing.
            let has = |module: &String| {
                kernel_btf::module(module).is_ok_and(|btf| btf.find_own(name, kind).is_ok())
            };
            names.into_iter().find(has)
        }
        Some(module) => {
            let has = kernel_btf::module(module)?.find_own(name, kind).is_ok();
            has.then(|| module.to_owned())
        }
    };
    let Some(module) = has else {
        return Ok(None);
    };
    // By descriptor, for the load; the types are read anew, so that both are of one module.
    let mut modules = kernel_btf::modules()?.into_iter();
    match modules.find(|found| found.name() == module) {
        Some(found) => Ok(Some(Source::Module(found.read()?, found))),
        None => Ok(None),
    }
}

fn in_kernel(name: &str, wanted: &Wanted) -> Result<Target, Error> {
    let (module, plain) = match name.split_once(':') {
        Some((module, plain)) => (Some(module), plain),
        None => (None, name),
    };
    let type_name = format!("{}{plain}", wanted.prefix);
    let Some(source) = source_of(&type_name, wanted.kind, module)? else {
        return Err(not_found(plain, wanted, module));
    };
    let type_id = source.btf().find_own(&type_name, wanted.kind);
    Ok(Target {
        name: name.to_owned(),
        type_id: type_id.map_err(unreadable)?.get(),
        owner: source.into_owner(),
        member: None,
    })
}

/// The names of these types, without what is before them.
fn known_names(btf: &Btf<'_>, prefix: &str, kind: Kind) -> Vec<String> {
    let of_kind = btf.own_ids().filter(|&id| btf.kind(id) == Ok(Some(kind)));
    let names = of_kind.filter_map(|id| Some(btf.get(id).ok()?.name));
    let plain = names.filter_map(|name| name.strip_prefix(prefix));
    plain.map(str::to_owned).collect()
}

fn not_found(name: &str, wanted: &Wanted, module: Option<&str>) -> Error {
    let Wanted {
        what,
        prefix,
        kind,
        option,
        ..
    } = wanted;
    let place = match module {
        Some(module) => format!("the module `{module}`"),
        None => "this kernel".to_owned(),
    };
    let error = Error::new(ErrorKind::NotFound);
    let error = error.because(format!("{place} has no {what} named `{name}`"));
    let known = match module {
        Some(module) => kernel_btf::module(module)
            .map(|btf| known_names(&btf, prefix, *kind))
            .unwrap_or_default(),
        None => kernel_btf::vmlinux()
            .map(|btf| known_names(btf, prefix, *kind))
            .unwrap_or_default(),
    };
    if known.is_empty() && module.is_none() {
        return error.remedy(format!(
            "it has no {what} at all: was it built without {option}?"
        ));
    }
    // Those that differ in length are not like it, and there are many.
    let near = known
        .into_iter()
        .filter(|other| other.len().abs_diff(name.len()) <= 3)
        .collect::<Vec<_>>();
    let names = similar::names(name, &near);
    if *kind == Kind::Func && prefix.is_empty() {
        return explain_function(error, name, &names);
    }
    similar::did_you_mean(error, &names)
}

/// A function that has no type can be there all the same.
fn explain_function(error: Error, name: &str, similar: &[String]) -> Error {
    let Ok(text) = kallsyms::read() else {
        return similar::did_you_mean(error, similar);
    };
    let is_variant = |other: &str| {
        other
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let mut functions = kallsyms::functions(&text).map(|(other, _)| other);
    match functions.find(|other| *other == name || is_variant(other)) {
        Some(other) if other == name => error
            .because(format!(
                "`{name}` is in the kernel, but it has no type information that programs could \
                 go by: it is written in assembly, or there are several of that name"
            ))
            .remedy("a kprobe can go there"),
        Some(variant) => error
            .because(format!(
                "the compiler has made `{variant}` of `{name}`, with other parameters: it has no \
                 type information"
            ))
            .remedy(format!("a kprobe at `{variant}` can go there")),
        None => similar::did_you_mean(error, similar),
    }
}

fn unreadable(error: crate::btf::Error) -> Error {
    Error::new(ErrorKind::Unsupported)
        .because(format!("the kernel's type information is odd: {error}"))
        .caused_by(error)
}

/// The layout of a table of functions: its map's value, and the kernel's type in it.
pub(super) struct Table {
    pub(super) source: Source,
    /// The type of the map's value.
    pub(super) value: crate::btf::TypeId,
    /// The kernel's type.
    pub(super) ops: crate::btf::TypeId,
}

/// The table's types.
pub(super) fn table(ops: &str) -> Result<Table, Error> {
    let Some(wanted) = wanted(ProgramKind::StructOps {
        ops: "",
        member: "",
        sleepable: false,
    }) else {
        return Err(Error::invalid("there are no tables"));
    };
    let value_name = format!("{}{ops}", wanted.prefix);
    let Some(source) = source_of(&value_name, wanted.kind, None)? else {
        return Err(not_found(ops, &wanted, None));
    };
    let btf = source.btf();
    let value = btf.find(&value_name, Kind::Struct).map_err(unreadable)?;
    let ops = btf.find(ops, Kind::Struct).map_err(unreadable)?;
    Ok(Table { source, value, ops })
}

fn member_of_table(ops: &str, member: &str) -> Result<Target, Error> {
    let table = table(ops)?;
    let btf = table.source.btf();
    let ty = btf.get(table.ops).map_err(unreadable)?;
    let Definition::Struct { members, .. } = ty.definition else {
        return Err(Error::invalid(format!("`{ops}` is not a struct")));
    };
    let mut names = Vec::new();
    for found in members {
        names.push(found.map_err(unreadable)?.name.to_owned());
    }
    let Some(index) = names.iter().position(|name| name == member) else {
        return Err(no_member(ops, member, &names));
    };
    Ok(Target {
        name: format!("{ops}.{member}"),
        type_id: table.ops.get(),
        member: u32::try_from(index).ok(),
        owner: table.source.into_owner(),
    })
}

/// The error of a member that the kernel's type does not have.
pub(super) fn no_member(ops: &str, member: &str, known: &[String]) -> Error {
    let error = Error::new(ErrorKind::NotFound)
        .because(format!("this kernel's `{ops}` has no member `{member}`"));
    similar::did_you_mean(error, &similar::names(member, known))
}

/// The number of a function in the BTF of a program.
pub(crate) fn function_of_program(program: BorrowedFd<'_>, name: &str) -> Result<u32, Error> {
    let failed = |command: Command| {
        move |errno| {
            let error = Error::failed(command.name(), errno);
            match errno {
                Errno::EPERM => capabilities::explain(error, &[capabilities::Capability::SysAdmin]),
                _ => error,
            }
        }
    };
    let info: bpf::ProgInfo = bpf::info(program).map_err(failed(Command::ObjGetInfoByFd))?;
    if info.btf_id == 0 {
        return Err(Error::invalid(
            "the program that it goes to has no type information, so its functions have no names",
        ));
    }
    let btf =
        bpf::fd_by_id(Command::BtfGetFdById, info.btf_id).map_err(failed(Command::BtfGetFdById))?;
    let read = |fd: BorrowedFd<'_>| {
        let info = bpf::btf_info(fd)?;
        bpf::btf_bytes(fd, info.size)
    };
    let bytes = read(btf.as_fd()).map_err(failed(Command::ObjGetInfoByFd))?;
    let btf = Btf::parse(bytes).map_err(unreadable)?;
    btf.find(name, Kind::Func).map(|id| id.get()).map_err(|_| {
        let known = known_names(&btf, "", Kind::Func);
        let error = Error::new(ErrorKind::NotFound).because(format!(
            "the program that it goes to has no function `{name}`"
        ));
        similar::did_you_mean(error, &similar::names(name, &known))
    })
}

/// What to do about a refusal of the verifier that is about where the program goes.
pub(super) fn remedy(reason: &str) -> Option<&'static str> {
    const GLOBAL: &str = "make it global in the program that has it: `pub fn`";
    const REMEDIES: &[(&str, &str)] = &[
        (
            "is not modifiable",
            "fmod_ret is for functions that the kernel lists for error injection, and for \
             security hooks: security_…",
        ),
        (
            "cannot be found",
            "the compiler has put it into its callers: choose one of these, or a function that \
             it calls",
        ),
        ("is not sleepable", "leave `sleepable` out of the attribute"),
        ("is not a global function", GLOBAL),
        ("Cannot replace static functions", GLOBAL),
        (
            "Extension programs should be JITed",
            "switch the JIT on: sysctl net.core.bpf_jit_enable=1",
        ),
        (
            "Attaching tracing programs to function",
            "the kernel calls it while it traces: choose another function",
        ),
        (
            "points to disabled hook",
            "the kernel does not call programs at this hook: choose another one",
        ),
    ];
    REMEDIES
        .iter()
        .find_map(|(part, remedy)| reason.contains(part).then_some(*remedy))
}
