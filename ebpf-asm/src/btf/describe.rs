//! From types as constant data to BTF.

use super::types::{Linkage, Member, Parameter};
use super::{BuildError, Builder, Kind, TypeId};
use crate::KernelVersion;
use crate::object::{self, CompositeDef, IntEncoding, SignatureDef, TypeDef};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// How deep types may contain each other. The kernel allows 32.
const DEPTH: usize = 32;

/// Why an object's types cannot be told to the kernel.
///
/// ```
/// use ebpf_asm::btf::{DescribeError, ObjectBtf};
/// use ebpf_asm::object::{BtfType, CompositeDef, MapDef, MemberDef, TypeDef};
/// use ebpf_asm::MapType;
///
/// static BAD: TypeDef = TypeDef::Struct(CompositeDef::new("no name", 4, &[MemberDef::new("a", u32::TYPE, 0)]));
/// let map = MapDef::new("MAP", MapType::Hash, 4, 4, 1).with_types(u32::TYPE, &BAD);
/// let error = ObjectBtf::of_map(&map, None).unwrap_err();
/// assert!(matches!(error, DescribeError::Build(_)), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DescribeError {
    /// The kernel does not take what they say.
    Build(BuildError),
    /// Something cannot do without a kind of type that the kernel does not have.
    Unsupported {
        /// What needs it.
        what: String,
        /// What it needs.
        kind: Kind,
    },
}

impl fmt::Display for DescribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Unsupported { what, kind } => write!(
                f,
                "{what} needs type information of the kind {}, which came with Linux {}",
                kind.kernel_name(),
                kind.since()
            ),
        }
    }
}

impl core::error::Error for DescribeError {}

impl From<BuildError> for DescribeError {
    fn from(error: BuildError) -> Self {
        Self::Build(error)
    }
}

type Result<T> = core::result::Result<T, DescribeError>;

/// Puts types as constant data into BTF, each struct once, and says what a kernel that is older
/// than a kind of type can be told instead.
#[derive(Debug)]
pub(super) struct Describer {
    pub(super) builder: Builder,
    kernel: Option<KernelVersion>,
    composites: Vec<(CompositeDef, bool, TypeId)>,
}

impl Describer {
    /// For a kernel of this version; for the newest if there is none.
    pub(super) fn new(kernel: Option<KernelVersion>) -> Self {
        Self {
            builder: Builder::new(),
            kernel,
            composites: Vec::new(),
        }
    }

    fn has(&self, kind: Kind) -> bool {
        self.kernel.is_none_or(|kernel| kind.since() <= kernel)
    }

    /// The kind, or that `what` cannot do without it.
    fn needs(&self, kind: Kind, what: impl FnOnce() -> String) -> Result<()> {
        match self.has(kind) {
            true => Ok(()),
            false => Err(DescribeError::Unsupported { what: what(), kind }),
        }
    }

    /// The type. `in_map`: whether the kernel is to act on what is in it.
    pub(super) fn describe(&mut self, ty: &TypeDef, in_map: bool) -> Result<TypeId> {
        self.nested(ty, in_map, 0)
    }

    fn nested(&mut self, ty: &TypeDef, in_map: bool, depth: usize) -> Result<TypeId> {
        if depth > DEPTH {
            return Err(BuildError::Endless(ty.name().to_string()).into());
        }
        let depth = depth + 1;
        Ok(match ty {
            TypeDef::Void => TypeId::VOID,
            &TypeDef::Int {
                name,
                size,
                encoding,
            } => self.builder.int(name, size, encoding)?,
            &TypeDef::Float { name, size } if self.has(Kind::Float) => {
                self.builder.float(name, size)?
            }
            // As many bytes, of which nothing is said.
            &TypeDef::Float { name, size } => self.builder.structure(name, size, &[])?,
            TypeDef::Pointer(to) => {
                let to = self.nested(to(), in_map, depth)?;
                self.builder.pointer(to)?
            }
            TypeDef::TaggedPointer { tag, to } => {
                let to = to();
                if in_map {
                    let what = || format!("a kernel pointer to `{}`", to.name());
                    self.needs(Kind::TypeTag, what)?;
                }
                let mut id = self.nested(to, in_map, depth)?;
                if self.has(Kind::TypeTag) {
                    id = self.builder.type_tag(tag, id)?;
                }
                self.builder.pointer(id)?
            }
            TypeDef::FunctionPointer(signature) => {
                let prototype = self.prototype(signature, depth)?;
                self.builder.pointer(prototype)?
            }
            TypeDef::Array { element, length } => {
                let element = self.nested(element, in_map, depth)?;
                let index = self.builder.int("u32", 4, IntEncoding::Unsigned)?;
                self.builder.array(element, index, *length)?
            }
            TypeDef::Struct(composite) => self.composite(composite, false, in_map, depth)?,
            TypeDef::Union(composite) => self.composite(composite, true, in_map, depth)?,
            TypeDef::Enum {
                name,
                size,
                signed,
                values,
            } => {
                if *size == 8 && !self.has(Kind::Enum64) {
                    let encoding = match signed {
                        true => IntEncoding::Signed,
                        false => IntEncoding::Unsigned,
                    };
                    return Ok(self.builder.int(name, 8, encoding)?);
                }
                let values: Vec<_> = values.iter().map(|v| (v.name, v.value)).collect();
                let sign = (*signed, *signed && self.has(Kind::Enum64));
                self.builder.enumeration_with(name, *size, sign, &values)?
            }
        })
    }

    fn composite(
        &mut self,
        composite: &CompositeDef,
        is_union: bool,
        in_map: bool,
        depth: usize,
    ) -> Result<TypeId> {
        let known = self.composites.iter().find(|(known, union, _)| {
            *union == is_union && same_composite(known, composite, &mut Vec::new())
        });
        if let Some(&(_, _, id)) = known {
            return Ok(id);
        }
        // Known by its number before its members are: they can point to it.
        let id = self.builder.reserve();
        self.composites.push((*composite, is_union, id));
        let mut members = Vec::with_capacity(composite.members.len());
        for member in composite.members {
            let ty = self.nested(member.ty, in_map, depth)?;
            let offset = member.offset.checked_mul(8);
            let offset = offset.ok_or(BuildError::TooLarge)?;
            members.push(Member::new(member.name, ty, offset));
        }
        self.builder
            .define(id, is_union, composite.name, composite.size, &members)?;
        for (index, member) in (0..).zip(composite.members) {
            let Some(contains) = &member.contains else {
                continue;
            };
            let held = (contains.ty)();
            let what = || format!("the list or tree `{}.{}`", composite.name, member.name);
            self.needs(Kind::DeclTag, what)?;
            // The kernel looks it up by name.
            self.nested(held, in_map, depth)?;
            let tag = format!("contains:{}:{}", held.name(), contains.member);
            self.builder.decl_tag(&tag, id, Some(index))?;
        }
        Ok(id)
    }

    fn prototype(&mut self, signature: &SignatureDef, depth: usize) -> Result<TypeId> {
        if depth > DEPTH {
            return Err(BuildError::Endless("a function".to_string()).into());
        }
        let mut parameters = Vec::with_capacity(signature.parameters.len());
        for parameter in signature.parameters {
            let ty = self.nested(parameter.ty, false, depth)?;
            parameters.push(Parameter::new(parameter.name, ty));
        }
        let result = self.nested(signature.result, false, depth)?;
        Ok(self.builder.function_prototype(result, &parameters)?)
    }

    /// A function.
    pub(super) fn function(
        &mut self,
        name: &str,
        signature: Option<&SignatureDef>,
        linkage: object::Linkage,
    ) -> Result<TypeId> {
        let unknown = SignatureDef::new(&[], <i32 as object::BtfType>::TYPE);
        let signature = signature.unwrap_or(&unknown);
        let names: Vec<String> = (1..=signature.parameters.len())
            .map(|number| format!("r{number}"))
            .collect();
        let mut parameters = Vec::with_capacity(names.len());
        for (parameter, register) in signature.parameters.iter().zip(&names) {
            let ty = self.nested(parameter.ty, false, 0)?;
            // The kernel wants a name for each.
            let name = match parameter.name {
                "" => register,
                name => name,
            };
            parameters.push(Parameter::new(name, ty));
        }
        let result = self.nested(signature.result, false, 0)?;
        let prototype = self.builder.function_prototype(result, &parameters)?;
        let linkage = match linkage {
            object::Linkage::Static => Linkage::Static,
            object::Linkage::Global => Linkage::Global,
        };
        let id = self.builder.function(name, prototype, linkage)?;
        for (index, parameter) in (0..).zip(signature.parameters) {
            for tag in parameter.tags {
                let what = || format!("the note `{tag}` on a parameter of the function `{name}`");
                self.needs(Kind::DeclTag, what)?;
                self.builder.decl_tag(tag, id, Some(index))?;
            }
        }
        Ok(id)
    }
}

/// Whether two types are the same, also where pointers lead. What is being compared counts as the
/// same meanwhile, since types can point to themselves.
fn same(a: &TypeDef, b: &TypeDef, compared: &mut Vec<(*const (), *const ())>) -> bool {
    match (a, b) {
        (TypeDef::Pointer(a), TypeDef::Pointer(b)) => same(a(), b(), compared),
        (
            TypeDef::TaggedPointer { tag: a_tag, to: a },
            TypeDef::TaggedPointer { tag: b_tag, to: b },
        ) => a_tag == b_tag && same(a(), b(), compared),
        (TypeDef::FunctionPointer(a), TypeDef::FunctionPointer(b)) => {
            a.parameters.len() == b.parameters.len()
                && same(a.result, b.result, compared)
                && a.parameters.iter().zip(b.parameters).all(|(a, b)| {
                    a.name == b.name && a.tags == b.tags && same(a.ty, b.ty, compared)
                })
        }
        (
            TypeDef::Array {
                element: a,
                length: a_length,
            },
            TypeDef::Array {
                element: b,
                length: b_length,
            },
        ) => a_length == b_length && same(a, b, compared),
        (TypeDef::Struct(a), TypeDef::Struct(b)) | (TypeDef::Union(a), TypeDef::Union(b)) => {
            same_composite(a, b, compared)
        }
        (
            TypeDef::Int {
                name: a,
                size: a_size,
                encoding: a_encoding,
            },
            TypeDef::Int {
                name: b,
                size: b_size,
                encoding: b_encoding,
            },
        ) => (a, a_size, a_encoding) == (b, b_size, b_encoding),
        (TypeDef::Float { name: a, size: c }, TypeDef::Float { name: b, size: d }) => {
            (a, c) == (b, d)
        }
        (
            TypeDef::Enum {
                name: a,
                size: a_size,
                signed: a_signed,
                values: a_values,
            },
            TypeDef::Enum {
                name: b,
                size: b_size,
                signed: b_signed,
                values: b_values,
            },
        ) => (a, a_size, a_signed, a_values) == (b, b_size, b_signed, b_values),
        (TypeDef::Void, TypeDef::Void) => true,
        _ => false,
    }
}

fn same_composite(
    a: &CompositeDef,
    b: &CompositeDef,
    compared: &mut Vec<(*const (), *const ())>,
) -> bool {
    if a.name != b.name || a.size != b.size || a.members.len() != b.members.len() {
        return false;
    }
    // The lists of members stand for the types, which are copied about.
    let pair = (a.members.as_ptr().cast(), b.members.as_ptr().cast());
    if pair.0 == pair.1 || compared.contains(&pair) {
        return true;
    }
    compared.push(pair);
    a.members.iter().zip(b.members).all(|(a, b)| {
        a.name == b.name
            && a.offset == b.offset
            && match (&a.contains, &b.contains) {
                (None, None) => true,
                (Some(a), Some(b)) => a.member == b.member && same((a.ty)(), (b.ty)(), compared),
                _ => false,
            }
            && same(a.ty, b.ty, compared)
    })
}
