//! BTF that is put together: each type once, in the order in which it came.

use super::types::{Linkage, Member, Parameter, Variable};
use super::{Kind, TypeId};
use crate::object::IntEncoding;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// Puts BTF together.
///
/// Types that are equal get one number, whoever asks for them; the same calls give the same bytes.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, Kind, Linkage, Parameter};
/// use ebpf_asm::object::IntEncoding;
///
/// let mut builder = Builder::new();
/// let int = builder.int("i32", 4, IntEncoding::Signed)?;
/// assert_eq!(builder.int("i32", 4, IntEncoding::Signed)?, int);
/// let prototype = builder.function_prototype(int, &[Parameter::new("number", int)])?;
/// builder.function("twice", prototype, Linkage::Static)?;
///
/// let bytes = builder.finish();
/// let btf = Btf::parse(&bytes)?;
/// let twice = btf.find("twice", Kind::Func)?;
/// assert_eq!(btf.c_name(twice)?, "i32 twice(i32 number)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    /// The words of each type.
    types: Vec<Vec<u32>>,
    /// The numbers of the types that can be found again.
    known: Known,
    strings: Vec<u8>,
    /// Where the strings begin.
    offsets: Known,
}

/// What is there already: numbers by the hash of what they stand for. (The standard library's maps
/// cost every user more to compile than all of this room.)
#[derive(Clone, Debug, Default)]
struct Known {
    /// 0 where nothing is; a power of two of them, at most half in use.
    slots: Vec<u32>,
    used: usize,
}

impl Known {
    /// The number with this hash for which `is` says yes.
    fn find(&self, hash: u64, is: &dyn Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            match self.slots[at] {
                0 => return None,
                number if is(number) => return Some(number),
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// Enters a number that is not 0 and not there; `hash_of` is for those that are.
    fn enter(&mut self, number: u32, hash_of: &dyn Fn(u32) -> u64) {
        if 2 * (self.used + 1) > self.slots.len() {
            let size = (2 * self.slots.len()).max(64);
            let before = core::mem::replace(&mut self.slots, vec![0; size]);
            for number in before.into_iter().filter(|&number| number != 0) {
                self.put(number, hash_of(number));
            }
        }
        self.put(number, hash_of(number));
        self.used += 1;
    }

    fn put(&mut self, number: u32, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = number;
    }
}

/// FNV-1a, folded so that its low bits depend on all of it.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^ hash >> 32
}

fn hash_of_words(words: &[u32]) -> u64 {
    hash(words.iter().flat_map(|word| word.to_le_bytes()))
}

/// The string that begins there.
fn string_at(strings: &[u8], offset: u32) -> &[u8] {
    let rest = strings.get(offset as usize..).unwrap_or_default();
    rest.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Why something cannot be put into BTF.
///
/// ```
/// use ebpf_asm::btf::{BuildError, Builder, IntEncoding};
///
/// let mut builder = Builder::new();
/// let error = builder.int("no name", 4, IntEncoding::Signed).unwrap_err();
/// assert_eq!(error, BuildError::BadName("no name".to_owned()));
/// println!("{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The kernel does not take this name: names are letters, digits and `_`, begin with no
    /// digit, and have 127 bytes at most.
    BadName(String),
    /// The kernel takes no text with a zero byte in it.
    BadText(String),
    /// There is no type of this number yet.
    NoSuchType(TypeId),
    /// A size that the kernel does not take: of integers, enumerations, floating-point numbers.
    BadSize {
        /// The type's name.
        name: String,
        /// The size.
        size: u32,
    },
    /// More members, values or parameters than the kernel counts: 65,535.
    TooMany(String),
    /// A number of an enumeration does not fit its size.
    BadValue(String),
    /// Types contain each other without end.
    Endless(String),
    /// The whole is larger than the kernel takes: 16 MB.
    TooLarge,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName(name) => write!(
                f,
                "the kernel does not take the name `{name}`: names have letters from a to z, \
                 digits and underscores, begin with no digit, and have 127 bytes at most"
            ),
            Self::BadText(text) => write!(f, "`{text}` has a zero byte"),
            Self::NoSuchType(id) => write!(f, "there is no type {id} yet"),
            Self::BadSize { name, size } => {
                write!(f, "the kernel does not take `{name}` with {size} bytes")
            }
            Self::TooMany(name) => write!(f, "`{name}` has more than 65535 members"),
            Self::BadValue(name) => write!(f, "`{name}` is a number that does not fit its type"),
            Self::Endless(name) => write!(f, "`{name}` contains itself"),
            Self::TooLarge => f.write_str("these types are more than the 16 MB that BTF can be"),
        }
    }
}

impl core::error::Error for BuildError {}

type Result<T> = core::result::Result<T, BuildError>;

/// The longest name that all kernels take, without the zero byte.
const LONGEST_NAME: usize = 127;
/// The kernel's limit for the whole.
const LARGEST: usize = 16 << 20;

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// No types but `void`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            types: Vec::new(),
            known: Known::default(),
            strings: vec![0],
            offsets: Known::default(),
        }
    }

    /// Whether there is no type.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// An integer of 1, 2, 4, 8 or 16 bytes.
    ///
    /// # Errors
    /// If the kernel does not take the name or the size.
    #[doc(alias = "BTF_KIND_INT")]
    pub fn int(&mut self, name: &str, size: u32, encoding: IntEncoding) -> Result<TypeId> {
        let name = self.sized(name, size, &[1, 2, 4, 8, 16])?;
        let encoding = match encoding {
            IntEncoding::Unsigned => 0,
            IntEncoding::Signed => 1,
            IntEncoding::Char => 2,
            IntEncoding::Bool => 4,
        };
        self.add(vec![
            name,
            info(Kind::Int, 0, false),
            size,
            (encoding << 24) | (8 * size),
        ])
    }

    /// A floating-point number of 2, 4, 8, 12 or 16 bytes. Linux 5.13.
    ///
    /// # Errors
    /// If the kernel does not take the name or the size.
    #[doc(alias = "BTF_KIND_FLOAT")]
    pub fn float(&mut self, name: &str, size: u32) -> Result<TypeId> {
        let name = self.sized(name, size, &[2, 4, 8, 12, 16])?;
        self.add(vec![name, info(Kind::Float, 0, false), size])
    }

    fn sized(&mut self, name: &str, size: u32, sizes: &[u32]) -> Result<u32> {
        if !sizes.contains(&size) {
            let name = name.into();
            return Err(BuildError::BadSize { name, size });
        }
        self.name(name)
    }

    /// A pointer.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Member};
    ///
    /// // struct node { const char *name; struct node *next; };
    /// let mut builder = Builder::new();
    /// let node = builder.reserve();
    /// let char = builder.int("char", 1, IntEncoding::Char)?;
    /// let constant = builder.constant(char)?;
    /// let name = builder.pointer(constant)?;
    /// let next = builder.pointer(node)?;
    /// let members = [Member::new("name", name, 0), Member::new("next", next, 64)];
    /// builder.define(node, false, "node", 16, &members)?;
    ///
    /// let bytes = builder.finish_for_kernel()?;
    /// let btf = Btf::parse(bytes)?;
    /// assert_eq!(btf.c_name(btf.member(node, "name")?.ty)?, "const char *");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such type yet.
    #[doc(alias = "BTF_KIND_PTR")]
    pub fn pointer(&mut self, to: TypeId) -> Result<TypeId> {
        self.of(Kind::Ptr, 0, to)
    }

    /// Another name for a type.
    ///
    /// # Errors
    /// If there is no such type yet, or the kernel does not take the name.
    #[doc(alias = "BTF_KIND_TYPEDEF")]
    pub fn typedef(&mut self, name: &str, of: TypeId) -> Result<TypeId> {
        let name = self.name(name)?;
        self.of(Kind::Typedef, name, of)
    }

    /// `const`.
    ///
    /// # Errors
    /// If there is no such type yet.
    #[doc(alias = "BTF_KIND_CONST")]
    pub fn constant(&mut self, of: TypeId) -> Result<TypeId> {
        self.of(Kind::Const, 0, of)
    }

    /// `volatile`.
    ///
    /// # Errors
    /// If there is no such type yet.
    #[doc(alias = "BTF_KIND_VOLATILE")]
    pub fn volatile(&mut self, of: TypeId) -> Result<TypeId> {
        self.of(Kind::Volatile, 0, of)
    }

    /// `restrict`.
    ///
    /// # Errors
    /// If there is no such type yet.
    #[doc(alias = "BTF_KIND_RESTRICT")]
    pub fn restrict(&mut self, of: TypeId) -> Result<TypeId> {
        self.of(Kind::Restrict, 0, of)
    }

    /// A note on a type: what a pointer to this points to. Linux 5.17.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Builder, IntEncoding};
    ///
    /// let mut builder = Builder::new();
    /// let int = builder.int("int", 4, IntEncoding::Signed)?;
    /// let float = builder.float("float", 4)?;
    /// let volatile = builder.volatile(int)?;
    /// let user = builder.type_tag("user", volatile)?;
    /// let pointer = builder.pointer(user)?;
    /// builder.restrict(pointer)?;
    /// let pid = builder.typedef("pid_t", int)?;
    /// builder.decl_tag("exported", pid, None)?;
    /// builder.array(float, int, 4)?;
    /// builder.forward("task_struct", false)?;
    /// builder.union("either", 4, &[])?;
    /// builder.enumeration("answer", 4, false, &[("NO", 0), ("YES", 1)])?;
    ///
    /// let bytes = builder.finish();
    /// let btf = Btf::parse(bytes)?;
    /// assert_eq!(btf.tags(pid).next(), Some((None, "exported")));
    /// assert_eq!(btf.size_of(pid)?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such type yet.
    #[doc(alias = "BTF_KIND_TYPE_TAG")]
    pub fn type_tag(&mut self, tag: &str, of: TypeId) -> Result<TypeId> {
        let tag = self.text(tag)?;
        self.of(Kind::TypeTag, tag, of)
    }

    /// A note on a declaration, or on one of its members or parameters. Linux 5.16.
    ///
    /// # Errors
    /// If there is no such type yet.
    #[doc(alias = "BTF_KIND_DECL_TAG")]
    pub fn decl_tag(&mut self, tag: &str, on: TypeId, component: Option<u32>) -> Result<TypeId> {
        self.check(on)?;
        let tag = self.text(tag)?;
        let component = component.unwrap_or(u32::MAX);
        self.add(vec![
            tag,
            info(Kind::DeclTag, 0, false),
            on.get(),
            component,
        ])
    }

    fn of(&mut self, kind: Kind, name: u32, of: TypeId) -> Result<TypeId> {
        self.check(of)?;
        self.add(vec![name, info(kind, 0, false), of.get()])
    }

    /// A struct or union that is declared only.
    ///
    /// # Errors
    /// If the kernel does not take the name.
    #[doc(alias = "BTF_KIND_FWD")]
    pub fn forward(&mut self, name: &str, is_union: bool) -> Result<TypeId> {
        let name = self.name(name)?;
        self.add(vec![name, info(Kind::Fwd, 0, is_union), 0])
    }

    /// An array.
    ///
    /// # Errors
    /// If there are no such types yet.
    #[doc(alias = "BTF_KIND_ARRAY")]
    pub fn array(&mut self, element: TypeId, index: TypeId, length: u32) -> Result<TypeId> {
        self.check(element)?;
        self.check(index)?;
        let array = [element.get(), index.get(), length];
        self.add([[0, info(Kind::Array, 0, false), 0], array].concat())
    }

    /// A struct. The name can be empty.
    ///
    /// # Errors
    /// If there are no such types yet, or the kernel does not take a name or the number of
    /// members.
    #[doc(alias = "BTF_KIND_STRUCT")]
    pub fn structure(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> Result<TypeId> {
        let words = self.composite(Kind::Struct, name, size, members)?;
        self.add(words)
    }

    /// A union. The name can be empty.
    ///
    /// # Errors
    /// As [`structure`](Self::structure).
    #[doc(alias = "BTF_KIND_UNION")]
    pub fn union(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> Result<TypeId> {
        let words = self.composite(Kind::Union, name, size, members)?;
        self.add(words)
    }

    /// A number for a struct or union that is still to be [defined](Self::define), so that its
    /// members can point to it.
    pub fn reserve(&mut self) -> TypeId {
        self.types.push(Vec::new());
        TypeId::new(self.types.len() as u32)
    }

    /// Defines the struct (or union) of a number that was reserved.
    ///
    /// # Errors
    /// As [`structure`](Self::structure).
    pub fn define(
        &mut self,
        id: TypeId,
        is_union: bool,
        name: &str,
        size: u32,
        members: &[Member<'_>],
    ) -> Result<()> {
        self.check(id)?;
        let kind = if is_union { Kind::Union } else { Kind::Struct };
        let words = self.composite(kind, name, size, members)?;
        if let Some(reserved) = self.types.get_mut(id.get().wrapping_sub(1) as usize) {
            *reserved = words;
        }
        Ok(())
    }

    fn composite(
        &mut self,
        kind: Kind,
        name: &str,
        size: u32,
        members: &[Member<'_>],
    ) -> Result<Vec<u32>> {
        // With bit fields the upper byte of each offset is a size.
        let flag = members.iter().any(|member| member.bit_size.is_some());
        let count = length(name, members.len())?;
        let mut words = vec![self.name_or_none(name)?, info(kind, count, flag), size];
        for member in members {
            self.check(member.ty)?;
            let offset = match (flag, member.bit_size) {
                (true, _) if member.bit_offset > 0xff_ffff => {
                    return Err(BuildError::TooMany(name.into()));
                }
                (_, bits) => u32::from(bits.unwrap_or(0)) << 24 | member.bit_offset,
            };
            words.extend([self.name_or_none(member.name)?, member.ty.get(), offset]);
        }
        Ok(words)
    }

    /// An enumeration: of 32-bit numbers, or of 64-bit ones (Linux 6.0) if it has 8 bytes.
    ///
    /// # Errors
    /// If the kernel does not take a name, the size, or the number of values, or a value does not
    /// fit.
    #[doc(alias = "BTF_KIND_ENUM")]
    #[doc(alias = "BTF_KIND_ENUM64")]
    pub fn enumeration(
        &mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[(&str, i128)],
    ) -> Result<TypeId> {
        self.enumeration_with(name, size, (signed, signed), values)
    }

    /// An enumeration whose numbers have a sign, of which kernels before 6.0 are not told.
    pub(super) fn enumeration_with(
        &mut self,
        name: &str,
        size: u32,
        (signed, told): (bool, bool),
        values: &[(&str, i128)],
    ) -> Result<TypeId> {
        let offset = self.sized(name, size, &[1, 2, 4, 8])?;
        let count = length(name, values.len())?;
        let bits = 8 * size;
        let (low, high) = match signed {
            true => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
            false => (0, (1_i128 << bits) - 1),
        };
        let wide = size == 8;
        let kind = if wide { Kind::Enum64 } else { Kind::Enum };
        let mut words = vec![offset, info(kind, count, told), size];
        for &(value_name, value) in values {
            if !(low..=high).contains(&value) {
                return Err(BuildError::BadValue(value_name.into()));
            }
            words.extend([self.name(value_name)?, value as u32]);
            if wide {
                words.push((value >> 32) as u32);
            }
        }
        self.add(words)
    }

    /// The parameters and the result of a function.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Linkage, Parameter, Variable};
    ///
    /// let mut builder = Builder::new();
    /// let int = builder.int("int", 4, IntEncoding::Signed)?;
    /// let prototype = builder.function_prototype(int, &[Parameter::new("length", int)])?;
    /// let rule = builder.function("rule", prototype, Linkage::Global)?;
    /// let limit = builder.variable("limit", int, Linkage::Global)?;
    /// builder.section(".data", 4, &[Variable::new(limit, 0, 4)])?;
    /// builder.text("return length;")?;                // a line of source
    /// assert!(!builder.is_empty());
    ///
    /// let bytes = builder.finish();
    /// let btf = Btf::parse(bytes)?;
    /// assert_eq!(btf.function_prototype(rule)?.parameters.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there are no such types yet, or the kernel does not take a name.
    #[doc(alias = "BTF_KIND_FUNC_PROTO")]
    pub fn function_prototype(
        &mut self,
        result: TypeId,
        parameters: &[Parameter<'_>],
    ) -> Result<TypeId> {
        self.check(result)?;
        let count = length("a function", parameters.len())?;
        let mut words = vec![0, info(Kind::FuncProto, count, false), result.get()];
        for parameter in parameters {
            self.check(parameter.ty)?;
            words.extend([self.name_or_none(parameter.name)?, parameter.ty.get()]);
        }
        self.add(words)
    }

    /// A function of this prototype. Static or global: Linux 5.6.
    ///
    /// # Errors
    /// If there is no such type yet, or the kernel does not take the name.
    #[doc(alias = "BTF_KIND_FUNC")]
    pub fn function(&mut self, name: &str, prototype: TypeId, linkage: Linkage) -> Result<TypeId> {
        self.check(prototype)?;
        let name = self.name(name)?;
        let linkage = linkage.as_raw();
        self.add(vec![
            name,
            info(Kind::Func, linkage, false),
            prototype.get(),
        ])
    }

    /// A variable.
    ///
    /// # Errors
    /// If there is no such type yet, or the kernel does not take the name.
    #[doc(alias = "BTF_KIND_VAR")]
    pub fn variable(&mut self, name: &str, ty: TypeId, linkage: Linkage) -> Result<TypeId> {
        self.check(ty)?;
        let name = self.name(name)?;
        self.add(vec![
            name,
            info(Kind::Var, 0, false),
            ty.get(),
            linkage.as_raw(),
        ])
    }

    /// A section of variables; its name can begin with a dot.
    ///
    /// # Errors
    /// If there are no such types yet, or the kernel does not take the name.
    #[doc(alias = "BTF_KIND_DATASEC")]
    pub fn section(&mut self, name: &str, size: u32, variables: &[Variable]) -> Result<TypeId> {
        let plain = name.strip_prefix('.').unwrap_or(name).replace('.', "_");
        if !is_name(&plain) {
            return Err(BuildError::BadName(name.into()));
        }
        let count = length(name, variables.len())?;
        let mut words = vec![self.string(name), info(Kind::Datasec, count, false), size];
        for variable in variables {
            self.check(variable.ty)?;
            words.extend([variable.ty.get(), variable.offset, variable.size]);
        }
        self.add(words)
    }

    /// The offset of a text among the strings: each is there once. Line information has its
    /// source lines and the names of its files there.
    ///
    /// # Errors
    /// If it has a zero byte.
    pub fn text(&mut self, text: &str) -> Result<u32> {
        match text.contains('\0') {
            true => Err(BuildError::BadText(text.into())),
            false => Ok(self.string(text)),
        }
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let strings = &self.strings;
        let is = |offset| string_at(strings, offset) == text.as_bytes();
        if let Some(offset) = self.offsets.find(hash(text.bytes()), &is) {
            return offset;
        }
        // `finish` looks at the size of the whole.
        let offset = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        let strings = &self.strings;
        let hash_of = |offset| hash(string_at(strings, offset).iter().copied());
        self.offsets.enter(offset, &hash_of);
        offset
    }

    fn name(&mut self, name: &str) -> Result<u32> {
        match is_name(name) {
            true => Ok(self.string(name)),
            false => Err(BuildError::BadName(name.into())),
        }
    }

    fn name_or_none(&mut self, name: &str) -> Result<u32> {
        match name.is_empty() {
            true => Ok(0),
            false => self.name(name),
        }
    }

    fn check(&self, id: TypeId) -> Result<()> {
        match id.get() as usize <= self.types.len() {
            true => Ok(()),
            false => Err(BuildError::NoSuchType(id)),
        }
    }

    fn add(&mut self, words: Vec<u32>) -> Result<TypeId> {
        let types = &self.types;
        let is = |number: u32| types[number as usize - 1] == words;
        if let Some(number) = self.known.find(hash_of_words(&words), &is) {
            return Ok(TypeId::new(number));
        }
        self.types.push(words);
        let number = self.types.len() as u32;
        let types = &self.types;
        let hash_of = |number: u32| hash_of_words(&types[number as usize - 1]);
        self.known.enter(number, &hash_of);
        Ok(TypeId::new(number))
    }

    /// The encoded bytes in the order of this machine.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        let length = 4 * self.types.iter().map(Vec::len).sum::<usize>() as u32;
        let mut bytes = super::reader::MAGIC.to_ne_bytes().to_vec();
        bytes.extend([super::reader::VERSION, 0]);
        // Length of the header; offset and length of the types, of the strings.
        let header = [24, 0, length, length, self.strings.len() as u32];
        let words = header.iter().chain(self.types.iter().flatten());
        bytes.extend(words.flat_map(|word| word.to_ne_bytes()));
        bytes.extend_from_slice(&self.strings);
        bytes
    }

    /// The encoded bytes in the order of this machine, if the kernel takes as many.
    ///
    /// # Errors
    /// [`BuildError::TooLarge`] if it does not.
    pub fn finish_for_kernel(&self) -> Result<Vec<u8>> {
        let bytes = self.finish();
        match bytes.len() <= LARGEST {
            true => Ok(bytes),
            false => Err(BuildError::TooLarge),
        }
    }
}

/// Whether the kernel takes the name.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

const fn info(kind: Kind, length: u32, flag: bool) -> u32 {
    (flag as u32) << 31 | kind.as_raw() << 24 | length
}

fn length(name: &str, count: usize) -> Result<u32> {
    match u16::try_from(count) {
        Ok(count) => Ok(u32::from(count)),
        Err(_) => Err(BuildError::TooMany(name.into())),
    }
}
