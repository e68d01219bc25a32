//! Facts about the kernel's types: `offsetof(task_struct.pid)` and the others.

use crate::few::FewMap;
use crate::{Error, ErrorKind, kernel_btf, similar};
use ebpf_asm::btf::{self, Btf, Definition, Kind, TypeId};
use ebpf_asm::object::{KernelConstantDef, KernelConstantKind};

/// The kernel's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The value.
    Value(i128),
    /// There is no such thing, and why.
    Absent(String),
}

/// Why there is no answer.
enum Failure {
    /// There is no such thing.
    Absent(String),
    /// The question is wrong, or the kernel's types are.
    Wrong(String),
}

/// The types of vmlinux that programs ask about, each looked for once.
pub(super) type Known = FewMap<&'static str, Vec<TypeId>>;

/// Asks vmlinux, then the modules.
pub(super) fn look_up(def: &KernelConstantDef, known: &mut Known) -> Result<Fact, Error> {
    let vmlinux = kernel_btf::vmlinux()?;
    if known.get(&def.ty).is_none() {
        known.insert(def.ty, vmlinux.all_own_named(def.ty).collect());
    }
    let ids = known.get(&def.ty).map_or(&[][..], Vec::as_slice);
    if let Some(fact) = ask(vmlinux, ids, def)? {
        return Ok(fact);
    }
    for module in kernel_btf::module_names()? {
        // One that was just unloaded has no such type either.
        let Ok(module) = kernel_btf::module(&module) else {
            continue;
        };
        let ids: Vec<TypeId> = module.all_own_named(def.ty).collect();
        if let Some(fact) = ask(&module, &ids, def)? {
            return Ok(fact);
        }
    }
    Ok(match def.kind {
        KernelConstantKind::Exists => Fact::Value(0),
        _ => Fact::Absent(no_type(vmlinux, def)),
    })
}

const STRUCTS: &[Kind] = &[Kind::Struct, Kind::Union, Kind::Typedef];
const ENUMS: &[Kind] = &[Kind::Enum, Kind::Enum64, Kind::Typedef];
const ALL: &[Kind] = &[
    Kind::Struct,
    Kind::Union,
    Kind::Typedef,
    Kind::Enum,
    Kind::Enum64,
    Kind::Int,
];

const fn kinds(kind: KernelConstantKind) -> &'static [Kind] {
    match kind {
        KernelConstantKind::OffsetOf => STRUCTS,
        KernelConstantKind::EnumValue => ENUMS,
        _ => ALL,
    }
}

/// The answer about the types of one name; `None` if none is of a kind that can be meant.
fn ask(btf: &Btf<'_>, ids: &[TypeId], def: &KernelConstantDef) -> Result<Option<Fact>, Error> {
    let kinds = kinds(def.kind);
    let meant = |id: &&TypeId| matches!(btf.kind(**id), Ok(Some(kind)) if kinds.contains(&kind));
    let mut values: Vec<i128> = Vec::new();
    let mut absent = None;
    let mut wrong = None;
    let mut count = 0;
    for &id in ids.iter().filter(meant) {
        count += 1;
        match answer(btf, id, def) {
            Ok(value) => values.push(value),
            Err(Failure::Absent(reason)) => absent = absent.or(Some(reason)),
            Err(Failure::Wrong(reason)) => wrong = wrong.or(Some(reason)),
        }
    }
    if count == 0 {
        return Ok(None);
    }
    values.sort_unstable();
    values.dedup();
    Ok(Some(match (&values[..], wrong, absent) {
        (&[value], ..) => Fact::Value(value),
        ([_, _, ..], ..) => {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            return Err(Error::new(ErrorKind::Unsupported).because(format!(
                "`{def}` is ambiguous: this kernel has several types named `{}`, for which it is {}",
                def.ty,
                values.join(" and ")
            )));
        }
        ([], Some(reason), _) => return Err(Error::invalid(format!("`{def}`: {reason}"))),
        ([], None, Some(_)) if def.kind == KernelConstantKind::Exists => Fact::Value(0),
        ([], None, reason) => Fact::Absent(reason.unwrap_or_default()),
    }))
}

fn answer(btf: &Btf<'_>, id: TypeId, def: &KernelConstantDef) -> Result<i128, Failure> {
    let failure = |error: btf::Error| match error.is_not_found() {
        true => Failure::Absent(explain(btf, id, def, &error)),
        false => Failure::Wrong(error.to_string()),
    };
    let is_enum = || {
        let ty = btf.resolve(id).map_err(failure)?;
        Ok(matches!(ty.definition, Definition::Enum { .. }))
    };
    let bytes = |size: u64| i128::from(size);
    match def.kind {
        KernelConstantKind::EnumValue => {
            let value = btf.enum_value(id, def.path).map_err(failure)?;
            Ok(value.value)
        }
        KernelConstantKind::OffsetOf => {
            let member = btf.member(id, def.path).map_err(failure)?;
            if member.bit_size.is_some() || member.bit_offset % 8 != 0 {
                return Err(Failure::Wrong(format!(
                    "`{}` is a bit field, which begins in the middle of a byte",
                    def.path
                )));
            }
            Ok(bytes(member.bit_offset / 8))
        }
        KernelConstantKind::SizeOf if def.path.is_empty() => {
            btf.size_of(id).map(bytes).map_err(failure)
        }
        KernelConstantKind::SizeOf => {
            let member = btf.member(id, def.path).map_err(failure)?;
            if member.bit_size.is_some() {
                let reason = format!("`{}` is a bit field and has no size in bytes", def.path);
                return Err(Failure::Wrong(reason));
            }
            btf.size_of(member.ty).map(bytes).map_err(failure)
        }
        KernelConstantKind::Exists if def.path.is_empty() => Ok(1),
        KernelConstantKind::Exists if is_enum()? => {
            btf.enum_value(id, def.path).map_err(failure).map(|_| 1)
        }
        KernelConstantKind::Exists => btf.member(id, def.path).map_err(failure).map(|_| 1),
        _ => Err(Failure::Wrong(
            "this runtime does not know the question".to_owned(),
        )),
    }
}

/// What is missing, and what it may have been.
fn explain(btf: &Btf<'_>, id: TypeId, def: &KernelConstantDef, error: &btf::Error) -> String {
    let (wanted, known) = match error {
        btf::Error::NoMember { member, .. } => {
            let end = def.path.rfind(['.', '[']).unwrap_or(0);
            let outer = match end {
                0 => Some(id),
                end => btf.member(id, &def.path[..end]).ok().map(|found| found.ty),
            };
            let mut names = Vec::new();
            if let Some(outer) = outer {
                members(btf, outer, 0, &mut names);
            }
            (member, names)
        }
        btf::Error::NoEnumValue { value, .. } => {
            let mut names = Vec::new();
            if let Ok(Definition::Enum { values, .. }) = btf.resolve(id).map(|ty| ty.definition) {
                names.extend(values.flatten().map(|value| value.name.to_owned()));
            }
            (value, names)
        }
        error => return error.to_string(),
    };
    format!("{error}{}", did_you_mean(wanted, &known))
}

/// The names of members, those of anonymous structs and unions among them.
fn members(btf: &Btf<'_>, id: TypeId, depth: u32, names: &mut Vec<String>) {
    let Ok(ty) = btf.resolve(id) else {
        return;
    };
    let (Definition::Struct { members: list, .. } | Definition::Union { members: list, .. }) =
        ty.definition
    else {
        return;
    };
    for member in list.flatten() {
        match member.name {
            "" if depth < 8 && names.len() < 10_000 => members(btf, member.ty, depth + 1, names),
            name => names.push(name.to_owned()),
        }
    }
}

fn no_type(vmlinux: &Btf<'_>, def: &KernelConstantDef) -> String {
    let known = names(vmlinux, kinds(def.kind), def.ty);
    format!(
        "this kernel has no type named `{}`{}",
        def.ty,
        did_you_mean(def.ty, &known)
    )
}

/// The names of types of these kinds that are about as long.
pub(super) fn names(btf: &Btf<'_>, kinds: &[Kind], wanted: &str) -> Vec<String> {
    let ids = btf.own_ids();
    let ids = ids.filter(|&id| matches!(btf.kind(id), Ok(Some(kind)) if kinds.contains(&kind)));
    let names = ids.filter_map(|id| Some(btf.get(id).ok()?.name));
    let near = names.filter(|name| name.len().abs_diff(wanted.len()) <= 3);
    let mut names: Vec<String> = near.map(ToOwned::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// `; did you mean …?`, or nothing.
pub(super) fn did_you_mean(wanted: &str, known: &[String]) -> String {
    let similar = similar::names(wanted, known);
    let similar: Vec<String> = similar.iter().map(|name| format!("`{name}`")).collect();
    match similar.is_empty() {
        true => String::new(),
        false => format!("; did you mean {}?", similar.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebpf_asm::object::KernelConstantKind::{EnumValue, Exists, OffsetOf, SizeOf};

    /// Types: an `int`, two structs `a` with an `x` at bytes 0 and 8, an enumeration `e` and
    /// a union `e`.
    fn types() -> Btf<'static> {
        let strings = b"\0int\0a\0x\0y\0e\0ONE\0";
        let types: &[&[u32]] = &[
            &[1, 1 << 24, 4, 1 << 24 | 32],
            &[5, 4 << 24 | 1, 4, 7, 1, 0],
            &[5, 4 << 24 | 2, 12, 9, 1, 0, 7, 1, 64],
            &[11, 6 << 24 | 1, 4, 13, 1],
            &[11, 5 << 24 | 1, 4, 7, 1, 0],
        ];
        let types: Vec<u8> = types
            .concat()
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        let mut bytes = 0xeb9fu16.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let length = types.len() as u32;
        for word in [24, 0, length, length, strings.len() as u32] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(types);
        bytes.extend(strings);
        Btf::parse(bytes).unwrap()
    }

    fn ask_about(
        kind: KernelConstantKind,
        ty: &'static str,
        path: &'static str,
    ) -> Result<Option<Fact>, String> {
        let btf = types();
        let def = KernelConstantDef::new(kind, ty, path);
        let ids: Vec<TypeId> = btf.all_own_named(ty).collect();
        ask(&btf, &ids, &def).map_err(|error| error.to_string())
    }

    #[test]
    fn types_of_one_name_have_to_agree() {
        let error = ask_about(OffsetOf, "a", "x").unwrap_err();
        assert_eq!(
            error,
            "`offsetof(a.x)` is ambiguous: this kernel has several types named `a`, for which it \
             is 0 and 8"
        );
        // Where only one has it, that one is meant.
        assert_eq!(ask_about(OffsetOf, "a", "y"), Ok(Some(Fact::Value(0))));
        assert_eq!(ask_about(SizeOf, "a", "x"), Ok(Some(Fact::Value(4))));
        assert_eq!(ask_about(Exists, "a", "x"), Ok(Some(Fact::Value(1))));
        assert_eq!(ask_about(Exists, "a", "z"), Ok(Some(Fact::Value(0))));
        let absent = ask_about(OffsetOf, "a", "z").unwrap();
        assert!(
            matches!(&absent, Some(Fact::Absent(reason)) if reason.contains("`struct a` has no member `z`")),
            "{absent:?}"
        );
    }

    #[test]
    fn what_is_asked_says_which_kind_of_type_is_meant() {
        assert_eq!(ask_about(EnumValue, "e", "ONE"), Ok(Some(Fact::Value(1))));
        assert_eq!(ask_about(OffsetOf, "e", "x"), Ok(Some(Fact::Value(0))));
        assert_eq!(ask_about(Exists, "e", "x"), Ok(Some(Fact::Value(1))));
        assert_eq!(ask_about(Exists, "e", "ONE"), Ok(Some(Fact::Value(1))));
        assert_eq!(ask_about(EnumValue, "a", "x"), Ok(None));
        assert_eq!(ask_about(SizeOf, "int", ""), Ok(Some(Fact::Value(4))));
    }
}
