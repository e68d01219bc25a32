//! One type as it is read.

use super::reader::{Btf, TYPE, kind_of, word};
use super::{Error, Kind, TypeId};
use core::marker::PhantomData;

/// A type with its number and name.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Type};
///
/// let mut builder = Builder::new();
/// let long = builder.int("long", 8, IntEncoding::Signed)?;
/// let bytes = builder.finish();
/// let btf = Btf::parse(bytes)?;
/// let ty: Type<'_> = btf.get(long)?;
/// assert_eq!((ty.id, ty.name), (long, "long"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Type<'a> {
    /// Its number.
    pub id: TypeId,
    /// Its name; empty if it has none.
    pub name: &'a str,
    /// What it is.
    pub definition: Definition<'a>,
}

impl Type<'_> {
    pub(super) const VOID: Type<'static> = Type {
        id: TypeId::VOID,
        name: "void",
        definition: Definition::Void,
    };
}

/// What a type is.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, Definition, IntEncoding};
///
/// let mut builder = Builder::new();
/// let int = builder.int("int", 4, IntEncoding::Signed)?;
/// let bytes = builder.finish();
/// let btf = Btf::parse(bytes)?;
/// match btf.get(int)?.definition {
///     Definition::Int { size, .. } => assert_eq!(size, 4),
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Definition<'a> {
    /// `void`.
    Void,
    /// An integer.
    Int {
        /// Bytes in memory.
        size: u32,
        /// How its bits are to be read.
        encoding: IntEncoding,
        /// The first bit that counts: 0 but for old bit fields.
        offset: u8,
        /// The bits that count.
        bits: u8,
    },
    /// A pointer to a type.
    Ptr(TypeId),
    /// An array.
    Array {
        /// The type of an element.
        element: TypeId,
        /// The type of an index.
        index: TypeId,
        /// The number of elements.
        length: u32,
    },
    /// A struct.
    Struct {
        /// Bytes in memory.
        size: u32,
        /// Its members.
        members: Elements<'a, Member<'a>>,
    },
    /// A union.
    Union {
        /// Bytes in memory.
        size: u32,
        /// Its members.
        members: Elements<'a, Member<'a>>,
    },
    /// An enumeration: of 32-bit numbers and of 64-bit ones.
    Enum {
        /// Bytes in memory.
        size: u32,
        /// Its values.
        values: Elements<'a, EnumValue<'a>>,
    },
    /// A struct or union that is declared only.
    Fwd {
        /// Whether it is a union.
        is_union: bool,
    },
    /// Another name for a type.
    Typedef(TypeId),
    /// A volatile type.
    Volatile(TypeId),
    /// A constant type.
    Const(TypeId),
    /// A pointer that is the only one to what it points to.
    Restrict(TypeId),
    /// A function.
    Func {
        /// Its parameters and result: a [`Definition::FuncProto`].
        prototype: TypeId,
        /// How it is linked.
        linkage: Linkage,
    },
    /// The parameters and result of a function.
    FuncProto {
        /// The type of the result.
        result: TypeId,
        /// The parameters.
        parameters: Elements<'a, Parameter<'a>>,
    },
    /// A variable.
    Var {
        /// Its type.
        ty: TypeId,
        /// How it is linked.
        linkage: Linkage,
    },
    /// A section of variables.
    Datasec {
        /// Bytes in memory.
        size: u32,
        /// The variables in it.
        variables: Elements<'a, Variable>,
    },
    /// A floating-point number.
    Float {
        /// Bytes in memory.
        size: u32,
    },
    /// A note on a declaration: the type's name is its text.
    DeclTag {
        /// What it is about.
        ty: TypeId,
        /// Which of its members or parameters it is about, if not the whole.
        component: Option<u32>,
    },
    /// A note on a type: the type's name is its text.
    TypeTag(TypeId),
}

pub use crate::object::IntEncoding;

/// How a function or a variable is linked.
///
/// ```
/// use ebpf_asm::btf::{Builder, Linkage, TypeId};
///
/// let mut builder = Builder::new();
/// let prototype = builder.function_prototype(TypeId::VOID, &[])?;
/// let own = builder.function("helper", prototype, Linkage::Static)?;
/// let kernels = builder.function("bpf_strcmp", prototype, Linkage::Extern)?;
/// assert_ne!(own, kernels);
/// # Ok::<(), ebpf_asm::btf::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Linkage {
    /// Within its own object.
    Static,
    /// For all.
    Global,
    /// Defined elsewhere.
    Extern,
}

impl Linkage {
    const fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            0 => Some(Self::Static),
            1 => Some(Self::Global),
            2 => Some(Self::Extern),
            _ => None,
        }
    }

    pub(super) const fn as_raw(self) -> u32 {
        match self {
            Self::Static => 0,
            Self::Global => 1,
            Self::Extern => 2,
        }
    }
}

/// A member of a struct or union.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Member};
///
/// let mut builder = Builder::new();
/// let int = builder.int("int", 4, IntEncoding::Unsigned)?;
/// // Three bits of a word, behind the first eight:
/// let flags = Member::new("flags", int, 8).with_bit_size(3);
/// let header = builder.structure("header", 4, &[flags])?;
/// let bytes = builder.finish();
/// let btf = Btf::parse(bytes)?;
/// assert_eq!(btf.member(header, "flags")?.bit_size, Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member<'a> {
    /// Its name; empty if it is an anonymous struct or union.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
    /// Where it begins, in bits.
    pub bit_offset: u32,
    /// The bits of a bit field.
    pub bit_size: Option<u8>,
}

impl<'a> Member<'a> {
    /// A member that begins at this bit and is no bit field.
    #[must_use]
    pub const fn new(name: &'a str, ty: TypeId, bit_offset: u32) -> Self {
        Self {
            name,
            ty,
            bit_offset,
            bit_size: None,
        }
    }

    /// The same member as a bit field.
    #[must_use]
    pub const fn with_bit_size(self, bits: u8) -> Self {
        Self {
            bit_size: Some(bits),
            ..self
        }
    }
}

/// A name of an enumeration.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, EnumValue};
///
/// let mut builder = Builder::new();
/// let verdict = builder.enumeration("verdict", 4, false, &[("DROP", 0), ("PASS", 1)])?;
/// let bytes = builder.finish();
/// let btf = Btf::parse(bytes)?;
/// let EnumValue { name, value, .. } = btf.enum_value(verdict, "PASS")?;
/// assert_eq!((name, value), ("PASS", 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnumValue<'a> {
    /// The name.
    pub name: &'a str,
    /// The number.
    pub value: i128,
}

/// A parameter of a function.
///
/// ```
/// use ebpf_asm::btf::{Builder, IntEncoding, Parameter, TypeId};
///
/// let mut builder = Builder::new();
/// let int = builder.int("int", 4, IntEncoding::Signed)?;
/// // int printk(int level, ...)
/// let rest = Parameter::new("", TypeId::VOID);
/// builder.function_prototype(int, &[Parameter::new("level", int), rest])?;
/// # Ok::<(), ebpf_asm::btf::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter<'a> {
    /// Its name; empty if it has none.
    pub name: &'a str,
    /// Its type. `void` and no name is the `...` of a function that takes any number.
    pub ty: TypeId,
}

impl<'a> Parameter<'a> {
    /// A parameter of this name and type.
    #[must_use]
    pub const fn new(name: &'a str, ty: TypeId) -> Self {
        Self { name, ty }
    }
}

/// A variable in a section.
///
/// ```
/// use ebpf_asm::btf::{Builder, IntEncoding, Linkage, Variable};
///
/// let mut builder = Builder::new();
/// let int = builder.int("int", 4, IntEncoding::Signed)?;
/// let hits = builder.variable("hits", int, Linkage::Global)?;
/// let misses = builder.variable("misses", int, Linkage::Global)?;
/// let section = builder.section(".bss", 8, &[Variable::new(hits, 0, 4), Variable::new(misses, 4, 4)])?;
/// assert!(section.get() > misses.get());
/// # Ok::<(), ebpf_asm::btf::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// The variable: a [`Definition::Var`].
    pub ty: TypeId,
    /// Where it begins in the section, in bytes.
    pub offset: u32,
    /// Bytes in memory.
    pub size: u32,
}

impl Variable {
    /// A variable that begins at this byte of its section.
    #[must_use]
    pub const fn new(ty: TypeId, offset: u32, size: u32) -> Self {
        Self { ty, offset, size }
    }
}

/// Members, values, parameters or variables, each decoded when it is its turn.
///
/// ```
/// use ebpf_asm::btf::{Btf, Definition, Error, TypeId};
///
/// fn names(btf: &Btf<'_>, id: TypeId) -> Result<Vec<String>, Error> {
///     match btf.get(id)?.definition {
///         Definition::Struct { members, .. } => {
///             members.map(|member| Ok(member?.name.to_owned())).collect()
///         }
///         _ => Ok(vec![]),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Elements<'a, T> {
    btf: &'a Btf<'a>,
    bytes: &'a [u8],
    kind: Kind,
    flag: bool,
    of: PhantomData<fn() -> T>,
}

/// What [`Elements`] can be of.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, Definition, Element, Elements, IntEncoding, Member};
///
/// /// How many of them are sound, of members as of parameters.
/// fn count<'a, T: Element<'a>>(elements: Elements<'a, T>) -> usize {
///     elements.filter(Result::is_ok).count()
/// }
///
/// let mut builder = Builder::new();
/// let int = builder.int("int", 4, IntEncoding::Signed)?;
/// let pair = builder.structure("pair", 8, &[Member::new("a", int, 0), Member::new("b", int, 32)])?;
/// let bytes = builder.finish();
/// let btf = Btf::parse(bytes)?;
/// let Definition::Struct { members, .. } = btf.get(pair)?.definition else { unreachable!() };
/// assert_eq!(count(members), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Element<'a>: Sized + private::Decode<'a> {}

impl<'a, T: private::Decode<'a>> Element<'a> for T {}

mod private {
    use super::{Btf, Error, Kind};

    pub trait Decode<'a>: Sized {
        fn decode(btf: &'a Btf<'a>, bytes: &'a [u8], kind: Kind, flag: bool)
        -> Result<Self, Error>;
    }
}

impl<'a, T: Element<'a>> Iterator for Elements<'a, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (element, rest) = self.bytes.split_at_checked(element_length(self.kind))?;
        if element.is_empty() {
            return None;
        }
        self.bytes = rest;
        Some(T::decode(self.btf, element, self.kind, self.flag))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let length = self.bytes.len() / element_length(self.kind).max(1);
        (length, Some(length))
    }
}

impl<T> Elements<'_, T> {
    /// Whether the values of an enumeration are said to have a sign.
    pub(super) const fn signed(&self) -> bool {
        self.flag
    }
}

impl<'a, T: Element<'a>> ExactSizeIterator for Elements<'a, T> {}

impl<'a> private::Decode<'a> for Member<'a> {
    fn decode(btf: &'a Btf<'a>, bytes: &'a [u8], _: Kind, flag: bool) -> Result<Self, Error> {
        let offset = btf.word(bytes, 8);
        // With the flag the upper byte is the size of a bit field.
        let (bit_offset, bit_size) = match flag {
            true => (offset & 0xff_ffff, (offset >> 24) as u8),
            false => (offset, 0),
        };
        Ok(Self {
            name: btf.string(btf.word(bytes, 0))?,
            ty: TypeId::new(btf.word(bytes, 4)),
            bit_offset,
            bit_size: (bit_size != 0).then_some(bit_size),
        })
    }
}

impl<'a> private::Decode<'a> for EnumValue<'a> {
    fn decode(btf: &'a Btf<'a>, bytes: &'a [u8], kind: Kind, flag: bool) -> Result<Self, Error> {
        let low = btf.word(bytes, 4);
        let value = match (kind, flag) {
            (Kind::Enum64, signed) => {
                let value = u64::from(btf.word(bytes, 8)) << 32 | u64::from(low);
                match signed {
                    true => i128::from(value.cast_signed()),
                    false => i128::from(value),
                }
            }
            // Encoders before Linux 6.0 never set the flag: -1 is then read as 4294967295.
            (_, true) => i128::from(low.cast_signed()),
            (_, false) => i128::from(low),
        };
        let name = btf.string(btf.word(bytes, 0))?;
        Ok(Self { name, value })
    }
}

impl<'a> private::Decode<'a> for Parameter<'a> {
    fn decode(btf: &'a Btf<'a>, bytes: &'a [u8], _: Kind, _: bool) -> Result<Self, Error> {
        Ok(Self {
            name: btf.string(btf.word(bytes, 0))?,
            ty: TypeId::new(btf.word(bytes, 4)),
        })
    }
}

impl<'a> private::Decode<'a> for Variable {
    fn decode(btf: &'a Btf<'a>, bytes: &'a [u8], _: Kind, _: bool) -> Result<Self, Error> {
        Ok(Self {
            ty: TypeId::new(btf.word(bytes, 0)),
            offset: btf.word(bytes, 4),
            size: btf.word(bytes, 8),
        })
    }
}

/// Bytes of what a type of this kind has many of.
const fn element_length(kind: Kind) -> usize {
    match kind {
        Kind::Struct | Kind::Union | Kind::Datasec | Kind::Enum64 => 12,
        Kind::Enum | Kind::FuncProto => 8,
        _ => 0,
    }
}

/// Bytes after the first twelve.
pub(super) const fn tail_length(kind: Kind, info: u32) -> usize {
    match kind {
        Kind::Int | Kind::Var | Kind::DeclTag => 4,
        Kind::Array => 12,
        // The kernel counts in 16 bits and keeps the next eight free.
        kind => element_length(kind) * (info & 0xff_ffff) as usize,
    }
}

/// The type at the start of `bytes`, which the index has found to be long enough.
pub(super) fn decode<'a>(btf: &'a Btf<'a>, id: TypeId, bytes: &'a [u8]) -> Result<Type<'a>, Error> {
    let corrupt = |reason| Error::Corrupt { id, reason };
    let word = |offset| word(bytes, offset, btf.swapped());
    let info = word(4);
    let kind = kind_of(info);
    let kind = Kind::from_raw(kind).ok_or(Error::UnknownKind { id, kind })?;
    let flag = info >> 31 != 0;
    let (size, ty) = (word(8), TypeId::new(word(8)));
    let tail = bytes.get(TYPE..TYPE + tail_length(kind, info));
    let tail = tail.ok_or(corrupt("it is cut off"))?;
    let definition = match kind {
        Kind::Int => {
            let int = word(TYPE);
            let (offset, bits) = ((int >> 16) as u8, int as u8);
            let encoding = match int >> 24 & 0xf {
                0 => IntEncoding::Unsigned,
                1 => IntEncoding::Signed,
                // `char` with its sign or without.
                2 | 3 => IntEncoding::Char,
                4 => IntEncoding::Bool,
                _ => return Err(corrupt("its encoding is unknown")),
            };
            if u32::from(offset) + u32::from(bits) > size.saturating_mul(8) {
                return Err(corrupt("it has more bits than bytes"));
            }
            Definition::Int {
                size,
                encoding,
                offset,
                bits,
            }
        }
        Kind::Ptr => Definition::Ptr(ty),
        Kind::Array => Definition::Array {
            element: TypeId::new(word(TYPE)),
            index: TypeId::new(word(TYPE + 4)),
            length: word(TYPE + 8),
        },
        Kind::Struct => Definition::Struct {
            size,
            members: elements(btf, tail, kind, flag),
        },
        Kind::Union => Definition::Union {
            size,
            members: elements(btf, tail, kind, flag),
        },
        Kind::Enum | Kind::Enum64 => Definition::Enum {
            size,
            values: elements(btf, tail, kind, flag),
        },
        Kind::Fwd => Definition::Fwd { is_union: flag },
        Kind::Typedef => Definition::Typedef(ty),
        Kind::Volatile => Definition::Volatile(ty),
        Kind::Const => Definition::Const(ty),
        Kind::Restrict => Definition::Restrict(ty),
        Kind::Func => Definition::Func {
            prototype: ty,
            // Functions keep it where others have their length.
            linkage: Linkage::from_raw(info & 0xffff).ok_or(corrupt("its linkage is unknown"))?,
        },
        Kind::FuncProto => Definition::FuncProto {
            result: ty,
            parameters: elements(btf, tail, kind, flag),
        },
        Kind::Var => Definition::Var {
            ty,
            linkage: Linkage::from_raw(word(TYPE)).ok_or(corrupt("its linkage is unknown"))?,
        },
        Kind::Datasec => Definition::Datasec {
            size,
            variables: elements(btf, tail, kind, flag),
        },
        Kind::Float => Definition::Float { size },
        Kind::DeclTag => Definition::DeclTag {
            ty,
            component: match word(TYPE) {
                u32::MAX => None,
                component => Some(component),
            },
        },
        Kind::TypeTag => Definition::TypeTag(ty),
    };
    let name = btf.string(word(0))?;
    Ok(Type {
        id,
        name,
        definition,
    })
}

fn elements<'a, T>(btf: &'a Btf<'a>, bytes: &'a [u8], kind: Kind, flag: bool) -> Elements<'a, T> {
    Elements {
        btf,
        bytes,
        kind,
        flag,
        of: PhantomData,
    }
}
