//! Types as constant data: what the kernel is told about keys, values and functions.
//!
//! They are trees of references, so that nothing runs before an object is loaded, and nothing at
//! all if no program needs them.

use core::fmt;

/// A type that the kernel can be told about.
///
/// Integers, `bool`, floats, arrays and pointers have it; structs, unions and enums get it with
/// `#[derive(Btf)]`.
///
/// ```
/// use ebpf_asm::object::{BtfType, TypeDef};
///
/// let TypeDef::Array { element, length } = <[u16; 4]>::TYPE else { panic!() };
/// assert_eq!((element.name(), *length), ("u16", 4));
/// ```
#[diagnostic::on_unimplemented(
    message = "the kernel cannot be told about the type `{Self}`",
    label = "no type with BTF",
    note = "write `#[derive(ebpf_rt::Btf)]` and `#[repr(C)]` before it"
)]
pub trait BtfType {
    /// The type.
    const TYPE: &'static TypeDef;
}

/// A type.
///
/// ```
/// use ebpf_asm::object::{BtfType, TypeDef};
///
/// // Sixteen bytes of which nobody has said more:
/// const KEY: TypeDef = TypeDef::bytes(16);
/// assert!(matches!(KEY, TypeDef::Array { length: 16, .. }));
/// assert_eq!(u32::TYPE.name(), "u32");
/// assert!(!u32::TYPE.has_special_fields());       // no lock, no timer
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum TypeDef {
    /// No value.
    Void,
    /// An integer.
    Int {
        /// Its name.
        name: &'static str,
        /// Bytes.
        size: u32,
        /// How its bits are to be read.
        encoding: IntEncoding,
    },
    /// A floating-point number.
    Float {
        /// Its name.
        name: &'static str,
        /// Bytes.
        size: u32,
    },
    /// A pointer. A function, so that a struct can have pointers to itself.
    Pointer(fn() -> &'static TypeDef),
    /// A pointer with a note for the kernel: `kptr`.
    TaggedPointer {
        /// The note.
        tag: &'static str,
        /// What it points to.
        to: fn() -> &'static TypeDef,
    },
    /// A pointer to functions.
    FunctionPointer(&'static SignatureDef),
    /// An array.
    Array {
        /// The type of an element.
        element: &'static TypeDef,
        /// The number of elements.
        length: u32,
    },
    /// A struct.
    Struct(CompositeDef),
    /// A union.
    Union(CompositeDef),
    /// An enumeration.
    Enum {
        /// Its name.
        name: &'static str,
        /// Bytes: 1, 2, 4 or 8.
        size: u32,
        /// Whether its numbers have a sign.
        signed: bool,
        /// Names and numbers.
        values: &'static [EnumValueDef],
    },
}

/// How the bits of an integer are to be read.
///
/// ```
/// use ebpf_asm::object::{BtfType, IntEncoding, TypeDef};
///
/// let TypeDef::Int { encoding, .. } = i32::TYPE else { unreachable!() };
/// assert_eq!(*encoding, IntEncoding::Signed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IntEncoding {
    /// A number without sign.
    Unsigned,
    /// A number with sign.
    Signed,
    /// A character.
    Char,
    /// A truth value.
    Bool,
}

/// A struct or union.
///
/// ```
/// use ebpf_asm::object::{BtfType, CompositeDef, MemberDef, TypeDef};
///
/// // What `#[derive(Btf)]` writes:
/// static EVENT: TypeDef = TypeDef::Struct(CompositeDef::new(
///     "event",
///     16,
///     &[MemberDef::new("pid", u32::TYPE, 0), MemberDef::new("time", u64::TYPE, 8)],
/// ));
/// assert_eq!(EVENT.name(), "event");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CompositeDef {
    /// Its name.
    pub name: &'static str,
    /// Bytes.
    pub size: u32,
    /// Its members.
    pub members: &'static [MemberDef],
}

impl CompositeDef {
    /// A struct or union of the given parts. Sizes beyond 32 bits do not fit.
    ///
    /// # Panics
    /// If the size does not fit; in const evaluation a compile error.
    #[must_use]
    pub const fn new(name: &'static str, size: usize, members: &'static [MemberDef]) -> Self {
        assert!(
            size <= u32::MAX as usize / 8,
            "the type is too large for BTF"
        );
        Self {
            name,
            size: size as u32,
            members,
        }
    }
}

/// A member of a struct or union.
///
/// ```
/// use ebpf_asm::object::{BtfType, MemberDef};
///
/// static PID: MemberDef = MemberDef::new("pid", u32::TYPE, 0);
/// assert!(PID.contains.is_none());                // not the head of a list
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MemberDef {
    /// Its name; empty if it is an anonymous struct or union.
    pub name: &'static str,
    /// Its type.
    pub ty: &'static TypeDef,
    /// Where it begins, in bytes.
    pub offset: u32,
    /// Of the head of a list or the root of a tree: what it holds.
    pub contains: Option<ContainsDef>,
}

impl MemberDef {
    /// A member that begins at this byte.
    #[must_use]
    pub const fn new(name: &'static str, ty: &'static TypeDef, offset: usize) -> Self {
        Self {
            name,
            ty,
            // `CompositeDef::new` has looked at the size of the whole.
            offset: offset as u32,
            contains: None,
        }
    }

    /// The same member as the head of a list, or root of a tree, of such structs.
    #[must_use]
    #[doc(alias = "__contains")]
    pub const fn with_contains(self, contains: ContainsDef) -> Self {
        Self {
            contains: Some(contains),
            ..self
        }
    }
}

/// What a `bpf_list_head` or `bpf_rb_root` holds.
///
/// ```
/// use ebpf_asm::object::{BtfType, ContainsDef, MemberDef, TypeDef};
///
/// static PACKETS: MemberDef = MemberDef::new("packets", &TypeDef::Void, 0).with_contains(ContainsDef {
///     ty: || u64::TYPE,                           // a struct with the member `link`
///     member: "link",
/// });
/// assert_eq!(PACKETS.contains.map(|contains| contains.member), Some("link"));
/// ```
#[derive(Clone, Copy)]
pub struct ContainsDef {
    /// The struct.
    pub ty: fn() -> &'static TypeDef,
    /// The member by which it is held: a `bpf_list_node` or `bpf_rb_node`.
    pub member: &'static str,
}

impl fmt::Debug for ContainsDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", (self.ty)().name(), self.member)
    }
}

/// A name of an enumeration.
///
/// ```
/// use ebpf_asm::object::EnumValueDef;
///
/// static DROPPED: EnumValueDef = EnumValueDef::new("Dropped", -1);
/// assert_eq!(DROPPED.value, -1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnumValueDef {
    /// The name.
    pub name: &'static str,
    /// The number.
    pub value: i128,
}

impl EnumValueDef {
    /// A name for a number.
    #[must_use]
    pub const fn new(name: &'static str, value: i128) -> Self {
        Self { name, value }
    }
}

/// The parameters and the result of a function.
///
/// ```
/// use ebpf_asm::object::{BtfType, ParameterDef, SignatureDef};
///
/// static RULE: SignatureDef = SignatureDef::new(
///     &[ParameterDef::new("length", u32::TYPE, &[])],
///     i32::TYPE,
/// );
/// assert_eq!((RULE.parameters.len(), RULE.result.name()), (1, "i32"));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SignatureDef {
    /// The parameters.
    pub parameters: &'static [ParameterDef],
    /// The type of the result.
    pub result: &'static TypeDef,
}

impl SignatureDef {
    /// A signature of the given parts.
    #[must_use]
    pub const fn new(parameters: &'static [ParameterDef], result: &'static TypeDef) -> Self {
        Self { parameters, result }
    }
}

/// A parameter of a function.
///
/// ```
/// use ebpf_asm::object::{BtfType, ParameterDef};
///
/// // `#[arg(nonnull)] value: *mut u64`
/// static VALUE: ParameterDef = ParameterDef::new("value", <*mut u64>::TYPE, &["arg:nonnull"]);
/// assert_eq!(VALUE.tags, ["arg:nonnull"]);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ParameterDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: &'static TypeDef,
    /// Notes for the kernel: `arg:ctx`.
    pub tags: &'static [&'static str],
}

impl ParameterDef {
    /// A parameter with these notes.
    #[must_use]
    pub const fn new(
        name: &'static str,
        ty: &'static TypeDef,
        tags: &'static [&'static str],
    ) -> Self {
        Self { name, ty, tags }
    }
}

/// Types that stand for something in the values of maps: the kernel has to be told where they
/// are, and finds them by name.
pub const SPECIAL_FIELDS: &[&str] = &[
    "bpf_dynptr",
    "bpf_list_head",
    "bpf_list_node",
    "bpf_rb_node",
    "bpf_rb_root",
    "bpf_refcount",
    "bpf_res_spin_lock",
    "bpf_spin_lock",
    "bpf_task_work",
    "bpf_timer",
    "bpf_wq",
];

impl TypeDef {
    /// Bytes that nobody has said more about.
    #[must_use]
    pub const fn bytes(length: u32) -> Self {
        Self::Array {
            element: &Self::Int {
                name: "u8",
                size: 1,
                encoding: IntEncoding::Unsigned,
            },
            length,
        }
    }

    /// The name; empty if the type has none.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Int { name, .. } | Self::Float { name, .. } | Self::Enum { name, .. } => name,
            Self::Struct(composite) | Self::Union(composite) => composite.name,
            _ => "",
        }
    }

    /// Whether a value of this type has something in it that the kernel has to know the place
    /// of: a lock, a timer, a kernel pointer.
    #[must_use]
    pub fn has_special_fields(&self) -> bool {
        match self {
            Self::TaggedPointer { .. } => true,
            Self::Array { element, .. } => element.has_special_fields(),
            Self::Struct(composite) | Self::Union(composite) => {
                SPECIAL_FIELDS.contains(&composite.name)
                    || composite
                        .members
                        .iter()
                        .any(|member| member.ty.has_special_fields())
            }
            _ => false,
        }
    }
}

/// The type by name; what is behind pointers is only named, since it can be the type itself.
impl fmt::Debug for TypeDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(to) => match to() {
                Self::Pointer(_) => f.write_str("**"),
                to => write!(f, "*{}", to.name()),
            },
            Self::TaggedPointer { tag, to } => write!(f, "*{tag} {}", to().name()),
            Self::FunctionPointer(signature) => fmt::Debug::fmt(signature, f),
            Self::Array { element, length } => write!(f, "[{element:?}; {length}]"),
            Self::Struct(composite) | Self::Union(composite) => fmt::Debug::fmt(composite, f),
            Self::Enum { name, values, .. } => write!(f, "{name} {values:?}"),
            named => f.write_str(named.name()),
        }
    }
}

macro_rules! numbers {
    ($($ty:ident $def:ident { $($field:ident: $value:expr),* };)*) => { $(
        impl BtfType for $ty {
            const TYPE: &'static TypeDef = &TypeDef::$def {
                name: stringify!($ty),
                size: size_of::<$ty>() as u32,
                $($field: $value),*
            };
        }
    )* };
}

numbers! {
    u8 Int { encoding: IntEncoding::Unsigned };
    u16 Int { encoding: IntEncoding::Unsigned };
    u32 Int { encoding: IntEncoding::Unsigned };
    u64 Int { encoding: IntEncoding::Unsigned };
    u128 Int { encoding: IntEncoding::Unsigned };
    usize Int { encoding: IntEncoding::Unsigned };
    i8 Int { encoding: IntEncoding::Signed };
    i16 Int { encoding: IntEncoding::Signed };
    i32 Int { encoding: IntEncoding::Signed };
    i64 Int { encoding: IntEncoding::Signed };
    i128 Int { encoding: IntEncoding::Signed };
    isize Int { encoding: IntEncoding::Signed };
    bool Int { encoding: IntEncoding::Bool };
    f32 Float {};
    f64 Float {};
}

impl BtfType for () {
    const TYPE: &'static TypeDef = &TypeDef::Void;
}

impl BtfType for core::ffi::c_void {
    const TYPE: &'static TypeDef = &TypeDef::Void;
}

impl<T: BtfType> BtfType for *const T {
    const TYPE: &'static TypeDef = &TypeDef::Pointer(|| T::TYPE);
}

impl<T: BtfType> BtfType for *mut T {
    const TYPE: &'static TypeDef = &TypeDef::Pointer(|| T::TYPE);
}

impl<T: BtfType, const N: usize> BtfType for [T; N] {
    const TYPE: &'static TypeDef = &TypeDef::Array {
        element: T::TYPE,
        length: {
            assert!(N <= u32::MAX as usize, "the array is too long for BTF");
            N as u32
        },
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn types_are_told_apart_in_debug() {
        assert_eq!(format!("{:?}", <[[u16; 2]; 3]>::TYPE), "[[u16; 2]; 3]");
        assert_eq!(format!("{:?}", <*const bool>::TYPE), "*bool");
        assert_eq!(format!("{:?}", <()>::TYPE), "void");
    }

    #[test]
    fn special_fields_are_found_wherever_they_are() {
        const LOCK: TypeDef = TypeDef::Struct(CompositeDef::new("bpf_spin_lock", 4, &[]));
        const VALUE: TypeDef =
            TypeDef::Struct(CompositeDef::new("V", 8, &[MemberDef::new("l", &LOCK, 4)]));
        const ARRAY: TypeDef = TypeDef::Array {
            element: &VALUE,
            length: 2,
        };
        assert!(ARRAY.has_special_fields());
        assert!(!TypeDef::bytes(8).has_special_fields());
        // Where a pointer leads is not in the value.
        assert!(!TypeDef::Pointer(|| &VALUE).has_special_fields());
    }
}
