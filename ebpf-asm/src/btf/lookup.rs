//! Questions about types: by name, size, members, values.

use super::reader::{TYPE, kind_of};
use super::types::{
    Definition, Elements, EnumValue, IntEncoding, Linkage, Member, Parameter, Type,
};
use super::{Btf, Error, Kind, TypeId};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How many types are followed from one to the next before they count as endless. The kernel
/// allows 32.
const STEPS: usize = 64;

/// Bytes of a pointer where the BTF does not say: BPF is a 64-bit machine.
const POINTER: u64 = 8;

/// Where a member lies in a type.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Member};
///
/// let mut builder = Builder::new();
/// let int = builder.int("int", 4, IntEncoding::Signed)?;
/// let inner = builder.structure("inner", 8, &[Member::new("x", int, 0), Member::new("y", int, 32)])?;
/// let outer = builder.structure("outer", 12, &[Member::new("id", int, 0), Member::new("at", inner, 32)])?;
/// let bytes = builder.finish();
/// let btf = Btf::parse(bytes)?;
/// let y = btf.member(outer, "at.y")?;
/// assert_eq!((y.bit_offset / 8, y.bit_size, y.ty), (8, None, int));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundMember {
    /// Where it begins, in bits.
    pub bit_offset: u64,
    /// The bits of a bit field.
    pub bit_size: Option<u8>,
    /// Its type.
    pub ty: TypeId,
}

/// The parameters and the result of a function.
///
/// ```
/// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Linkage, Parameter};
///
/// let mut builder = Builder::new();
/// let int = builder.int("int", 4, IntEncoding::Signed)?;
/// let prototype = builder.function_prototype(int, &[Parameter::new("length", int)])?;
/// let rule = builder.function("rule", prototype, Linkage::Global)?;
/// let bytes = builder.finish();
/// let btf = Btf::parse(bytes)?;
/// let found = btf.function_prototype(rule)?;
/// assert_eq!((found.name, found.linkage, found.result), ("rule", Some(Linkage::Global), int));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FunctionPrototype<'a> {
    /// The type that this is.
    pub id: TypeId,
    /// The function's name; empty if the question was about a type of functions.
    pub name: &'a str,
    /// How the function is linked, if the question was about one.
    pub linkage: Option<Linkage>,
    /// The type of the result.
    pub result: TypeId,
    /// The parameters.
    pub parameters: Elements<'a, Parameter<'a>>,
}

/// A bit for each type.
#[derive(Default)]
struct Seen(Vec<u64>);

impl Seen {
    /// Enters a type that exists; whether it was not there.
    fn enter(&mut self, id: TypeId) -> bool {
        let (word, bit) = (id.get() as usize / 64, 1 << (id.get() % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let before = self.0[word];
        self.0[word] |= bit;
        before & bit == 0
    }
}

impl Btf<'_> {
    /// The type of this kind and name: the first one, in the base and then in this part.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Error, Kind, TypeId};
    ///
    /// fn strcmp(vmlinux: &Btf<'_>) -> Result<TypeId, Error> {
    ///     vmlinux.find("bpf_strcmp", Kind::Func)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    #[doc(alias = "btf__find_by_name_kind")]
    pub fn find(&self, name: &str, kind: Kind) -> Result<TypeId, Error> {
        match self.base().map(|base| base.find(name, kind)) {
            Some(Ok(id)) => Ok(id),
            _ => self.find_own(name, kind),
        }
    }

    /// The type of this kind and name in this part, without its base.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Kind};
    ///
    /// let mut builder = Builder::new();
    /// let int = builder.int("int", 4, IntEncoding::Signed)?;
    /// let level = builder.enumeration("level", 4, false, &[("LOW", 0), ("HIGH", 1)])?;
    /// let bytes = builder.finish();
    /// let btf = Btf::parse(bytes)?;
    /// assert_eq!(btf.find_own("int", Kind::Int)?, int);
    /// assert_eq!(btf.all_own("int", Kind::Int).count(), 1);
    /// assert_eq!(btf.find_enum("level")?, level);     // of 32 or 64 bits
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    #[doc(alias = "btf__find_by_name_kind_own")]
    pub fn find_own(&self, name: &str, kind: Kind) -> Result<TypeId, Error> {
        self.all_own(name, kind).next().ok_or_else(|| {
            let name = name.to_owned();
            Error::NotFound { kind, name }
        })
    }

    /// All types of this kind and name in this part, without its base: C allows different structs
    /// of one name in different files.
    pub fn all_own(&self, name: &str, kind: Kind) -> impl Iterator<Item = TypeId> {
        let types = self.types();
        self.own()
            .filter(move |&(_, start)| {
                let of_kind = kind_of(self.word(types, start + 4)) == kind.as_raw();
                of_kind && self.string_is(self.word(types, start), name)
            })
            .map(|(id, _)| id)
    }

    /// All types of this name in this part, without its base, whatever their kind.
    ///
    /// ```
    /// use ebpf_asm::btf::Btf;
    ///
    /// // In C, `struct key`, `enum key` and a typedef `key` are three types.
    /// fn how_many(btf: &Btf<'_>) -> usize {
    ///     btf.all_own_named("key").count()
    /// }
    /// ```
    pub fn all_own_named(&self, name: &str) -> impl Iterator<Item = TypeId> {
        let types = self.types();
        self.own()
            .filter(move |&(_, start)| self.string_is(self.word(types, start), name))
            .map(|(id, _)| id)
    }

    /// The notes on a type, with the member or parameter each is about, if not the whole. Looks
    /// at all types of this part.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, TypeId};
    ///
    /// // Since Linux 6.10, functions that programs can call have a note of this name.
    /// fn is_kernel_function(vmlinux: &Btf<'_>, id: TypeId) -> bool {
    ///     vmlinux.tags(id).any(|(_, tag)| tag == "bpf_kfunc")
    /// }
    /// ```
    #[doc(alias = "BTF_KIND_DECL_TAG")]
    pub fn tags(&self, id: TypeId) -> impl Iterator<Item = (Option<u32>, &str)> {
        let types = self.types();
        self.own().filter_map(move |(_, start)| {
            let word = |offset| self.word(types, start + offset);
            if kind_of(word(4)) != Kind::DeclTag.as_raw() || word(8) != id.get() {
                return None;
            }
            let component = word(TYPE);
            let component = (component != u32::MAX).then_some(component);
            Some((component, self.string(word(0)).ok()?))
        })
    }

    /// The type behind typedefs, `const`, `volatile`, `restrict` and notes.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Kind};
    ///
    /// let mut builder = Builder::new();
    /// let int = builder.int("int", 4, IntEncoding::Signed)?;
    /// let pid = builder.typedef("pid_t", int)?;
    /// let constant = builder.constant(pid)?;
    /// let bytes = builder.finish();
    /// let btf = Btf::parse(bytes)?;
    /// assert_eq!(btf.resolve(constant)?.id, int);     // behind the names
    /// assert_eq!(btf.size_of(constant)?, 4);
    /// assert!(btf.is_signed(constant)?);
    /// assert_eq!(btf.kind(pid)?, Some(Kind::Typedef));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such type, or it refers to itself.
    #[doc(alias = "btf_type_skip_modifiers")]
    pub fn resolve(&self, id: TypeId) -> Result<Type<'_>, Error> {
        let mut current = id;
        for _ in 0..STEPS {
            let ty = self.get(current)?;
            match ty.definition {
                Definition::Typedef(next)
                | Definition::Volatile(next)
                | Definition::Const(next)
                | Definition::Restrict(next)
                | Definition::TypeTag(next) => current = next,
                _ => return Ok(ty),
            }
        }
        Err(Error::Endless(id))
    }

    /// Bytes of a value of this type in memory. `void` and functions have none: 0.
    ///
    /// # Errors
    /// If the type is corrupt, refers to itself, or is only declared.
    pub fn size_of(&self, id: TypeId) -> Result<u64, Error> {
        let mut count = 1_u64;
        let mut current = id;
        for _ in 0..STEPS {
            let ty = self.resolve(current)?;
            let size = match ty.definition {
                Definition::Array {
                    element, length, ..
                } => {
                    count = count
                        .checked_mul(u64::from(length))
                        .ok_or(Error::TooLarge(id))?;
                    current = element;
                    continue;
                }
                Definition::Var { ty, .. } => {
                    current = ty;
                    continue;
                }
                Definition::Int { size, .. }
                | Definition::Struct { size, .. }
                | Definition::Union { size, .. }
                | Definition::Enum { size, .. }
                | Definition::Float { size }
                | Definition::Datasec { size, .. } => u64::from(size),
                Definition::Ptr(_) => self.pointer_size(),
                Definition::Fwd { .. } => {
                    let found = self.c_name(current)?;
                    let wanted = "a type whose size is known";
                    return Err(Error::WrongKind { found, wanted });
                }
                _ => 0,
            };
            return count.checked_mul(size).ok_or(Error::TooLarge(id));
        }
        Err(Error::Endless(id))
    }

    /// Bytes of a pointer: as many as `long` has, by whichever name.
    fn pointer_size(&self) -> u64 {
        let names = ["long unsigned int", "unsigned long", "long int", "long"];
        let long = names
            .iter()
            .find_map(|name| self.find(name, Kind::Int).ok())
            .and_then(|id| self.get(id).ok());
        match long.map(|ty| ty.definition) {
            Some(Definition::Int { size: 4, .. }) => 4,
            _ => POINTER,
        }
    }

    /// Where a member of a struct or union lies: a path like `comm`, `se.vruntime` or
    /// `rlim[3].rlim_cur`. Members of anonymous structs and unions are found by their own names,
    /// as in C.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Error, Kind};
    ///
    /// fn offset(vmlinux: &Btf<'_>) -> Result<u64, Error> {
    ///     let task = vmlinux.find("task_struct", Kind::Struct)?;
    ///     Ok(vmlinux.member(task, "se.vruntime")?.bit_offset / 8)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoMember`] if there is none, [`Error::ThroughPointer`] if the path is not one
    /// place in memory.
    pub fn member(&self, id: TypeId, path: &str) -> Result<FoundMember, Error> {
        let mut found = FoundMember {
            bit_offset: 0,
            bit_size: None,
            ty: id,
        };
        let bad = || Error::BadPath(path.to_owned());
        let mut rest = path;
        loop {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() {
                return Err(bad());
            }
            let done = &path[..path.len() - rest.len()];
            found = self.step(found, name, done)?;
            rest = after;
            while let Some(index) = rest.strip_prefix('[') {
                let (index, after) = index.split_once(']').ok_or_else(bad)?;
                let index = index.trim().parse().map_err(|_| bad())?;
                let done = &path[..path.len() - rest.len()];
                found = self.element(found, index, done)?;
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if rest.is_empty() => return Ok(found),
                None => return Err(bad()),
            }
        }
    }

    /// A member of what was found so far.
    fn step(&self, at: FoundMember, name: &str, path: &str) -> Result<FoundMember, Error> {
        let ty = self.resolve(at.ty)?;
        match ty.definition {
            Definition::Struct { .. } | Definition::Union { .. } => {}
            Definition::Ptr(to) => {
                return Err(Error::ThroughPointer {
                    path: path.trim_end_matches('.').to_owned(),
                    to: self.c_name(to)?,
                });
            }
            _ => {
                return Err(Error::WrongKind {
                    found: self.c_name(at.ty)?,
                    wanted: "a struct or union, which alone have members",
                });
            }
        }
        // What was seen without success is not looked at again: corrupt types may contain each
        // other any number of times.
        let mut seen = Seen::default();
        let found = self.member_of(&ty, name, &mut seen, 0)?;
        let found = found.ok_or_else(|| {
            let of = self.c_name(ty.id).unwrap_or_default();
            let member = name.to_owned();
            Error::NoMember { of, member }
        })?;
        let bit_offset = at.bit_offset.checked_add(found.bit_offset);
        let bit_offset = bit_offset.ok_or(Error::TooLarge(at.ty))?;
        Ok(FoundMember {
            bit_offset,
            ..found
        })
    }

    fn member_of(
        &self,
        ty: &Type<'_>,
        name: &str,
        seen: &mut Seen,
        depth: usize,
    ) -> Result<Option<FoundMember>, Error> {
        let (Definition::Struct { members, .. } | Definition::Union { members, .. }) =
            &ty.definition
        else {
            return Ok(None);
        };
        if depth > STEPS {
            return Err(Error::Endless(ty.id));
        }
        for member in members.clone() {
            let member = member?;
            if member.name == name {
                return self.place(&member).map(Some);
            }
            if !member.name.is_empty() {
                continue;
            }
            let inner = self.resolve(member.ty)?;
            if !seen.enter(inner.id) {
                continue;
            }
            if let Some(found) = self.member_of(&inner, name, seen, depth + 1)? {
                let bit_offset = found.bit_offset + u64::from(member.bit_offset);
                return Ok(Some(FoundMember {
                    bit_offset,
                    ..found
                }));
            }
        }
        Ok(None)
    }

    /// A member as it lies in its own struct.
    fn place(&self, member: &Member<'_>) -> Result<FoundMember, Error> {
        let mut found = FoundMember {
            bit_offset: u64::from(member.bit_offset),
            bit_size: member.bit_size,
            ty: member.ty,
        };
        // Old BTF has bit fields as integers of few bits.
        if let (
            None,
            Definition::Int {
                size, offset, bits, ..
            },
        ) = (member.bit_size, self.resolve(member.ty)?.definition)
            && (offset != 0 || u32::from(bits) != size.saturating_mul(8))
        {
            found.bit_offset += u64::from(offset);
            found.bit_size = Some(bits);
        }
        Ok(found)
    }

    /// An element of the array that was found so far.
    fn element(&self, at: FoundMember, index: u32, path: &str) -> Result<FoundMember, Error> {
        let ty = self.resolve(at.ty)?;
        let Definition::Array {
            element, length, ..
        } = ty.definition
        else {
            let found = self.c_name(at.ty)?;
            let wanted = "an array, which alone has an index";
            return Err(Error::WrongKind { found, wanted });
        };
        // An array without length at the end of a struct has as many elements as there is room.
        if index >= length && length != 0 {
            let path = path.to_owned();
            return Err(Error::OutOfBounds { path, length });
        }
        let offset = self
            .size_of(element)?
            .checked_mul(8)
            .and_then(|bits| bits.checked_mul(u64::from(index)))
            .and_then(|bits| bits.checked_add(at.bit_offset));
        Ok(FoundMember {
            bit_offset: offset.ok_or(Error::TooLarge(at.ty))?,
            bit_size: None,
            ty: element,
        })
    }

    /// The number of this name in an enumeration.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Error, Kind};
    ///
    /// fn helper(vmlinux: &Btf<'_>) -> Result<i128, Error> {
    ///     let ids = vmlinux.find_enum("bpf_func_id")?;
    ///     Ok(vmlinux.enum_value(ids, "BPF_FUNC_loop")?.value)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoEnumValue`] if it has none.
    pub fn enum_value<'b>(&'b self, id: TypeId, name: &str) -> Result<EnumValue<'b>, Error> {
        let Definition::Enum { values, .. } = self.resolve(id)?.definition else {
            let found = self.c_name(id)?;
            let wanted = "an enumeration";
            return Err(Error::WrongKind { found, wanted });
        };
        for value in values {
            let value = value?;
            if value.name == name {
                return Ok(value);
            }
        }
        Err(Error::NoEnumValue {
            of: self.c_name(id)?,
            value: name.to_owned(),
        })
    }

    /// The enumeration of this name, of 32-bit or of 64-bit numbers.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub fn find_enum(&self, name: &str) -> Result<TypeId, Error> {
        self.find(name, Kind::Enum)
            .or_else(|error| self.find(name, Kind::Enum64).map_err(|_| error))
    }

    /// The parameters and result of a function, of a type of functions, or of what a pointer to
    /// functions points to.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn function_prototype(&self, id: TypeId) -> Result<FunctionPrototype<'_>, Error> {
        let mut name = "";
        let mut linked = None;
        let mut current = id;
        // A function or a pointer, and what it is of.
        for _ in 0..3 {
            let ty = self.resolve(current)?;
            match ty.definition {
                Definition::Func { prototype, linkage } => {
                    name = ty.name;
                    linked = Some(linkage);
                    current = prototype;
                }
                Definition::Ptr(to) => current = to,
                Definition::FuncProto { result, parameters } => {
                    return Ok(FunctionPrototype {
                        id: ty.id,
                        name,
                        linkage: linked,
                        result,
                        parameters,
                    });
                }
                _ => break,
            }
        }
        let found = self.c_name(id)?;
        let wanted = "a function";
        Err(Error::WrongKind { found, wanted })
    }

    /// A type as C spells it, for messages: `const char *`. What cannot be said in a few steps is
    /// `…`.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Builder, IntEncoding};
    ///
    /// let mut builder = Builder::new();
    /// let char = builder.int("char", 1, IntEncoding::Char)?;
    /// let constant = builder.constant(char)?;
    /// let text = builder.pointer(constant)?;
    /// let btf = Btf::parse(builder.finish())?;
    /// assert_eq!(btf.c_name(text)?, "const char *");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such type.
    pub fn c_name(&self, id: TypeId) -> Result<String, Error> {
        self.spell(id, String::new(), 0)
    }

    /// `inner` is what stands where C has the variable's name.
    fn spell(&self, id: TypeId, inner: String, depth: usize) -> Result<String, Error> {
        if depth > 12 {
            return Ok("…".to_owned());
        }
        let ty = self.get(id)?;
        let with = |prefix: &str, inner: &str| match (ty.name, inner) {
            ("", "") => format!("{prefix}{{…}}"),
            ("", inner) => format!("{prefix}{{…}} {inner}"),
            (name, "") => format!("{prefix}{name}"),
            (name, inner) => format!("{prefix}{name} {inner}"),
        };
        let next = depth + 1;
        Ok(match &ty.definition {
            Definition::Void
            | Definition::Int { .. }
            | Definition::Float { .. }
            | Definition::Typedef(_)
            | Definition::Datasec { .. } => with("", &inner),
            Definition::Struct { .. } | Definition::Fwd { is_union: false } => {
                with("struct ", &inner)
            }
            Definition::Union { .. } | Definition::Fwd { is_union: true } => with("union ", &inner),
            Definition::Enum { .. } => with("enum ", &inner),
            Definition::Ptr(to) => {
                let to_function = matches!(
                    self.get(*to)?.definition,
                    Definition::FuncProto { .. } | Definition::Array { .. }
                );
                let inner = match to_function {
                    true => format!("(*{inner})"),
                    false => format!("*{inner}"),
                };
                self.spell(*to, inner, next)?
            }
            Definition::Const(of) => self.modified(*of, "const", inner, next)?,
            Definition::Volatile(of) => self.modified(*of, "volatile", inner, next)?,
            Definition::Restrict(of) => self.modified(*of, "restrict", inner, next)?,
            Definition::TypeTag(of) => self.spell(*of, inner, next)?,
            Definition::Array {
                element, length, ..
            } => self.spell(*element, format!("{inner}[{length}]"), next)?,
            Definition::Func { prototype, .. } => {
                self.spell(*prototype, ty.name.to_string(), next)?
            }
            Definition::FuncProto { result, parameters } => {
                let mut text = format!("{inner}(");
                for (index, parameter) in parameters.clone().enumerate() {
                    let parameter = parameter?;
                    if index > 0 {
                        text.push_str(", ");
                    }
                    let open = parameter.ty.is_void() && parameter.name.is_empty();
                    text.push_str(&match open {
                        true => "...".to_owned(),
                        false => self.spell(parameter.ty, parameter.name.to_owned(), next)?,
                    });
                    // Corrupt types could be as many as 16 million.
                    if text.len() > 1000 {
                        text.push('…');
                        break;
                    }
                }
                if parameters.len() == 0 {
                    text.push_str("void");
                }
                text.push(')');
                self.spell(*result, text, next)?
            }
            Definition::Var { ty: of, .. } => self.spell(*of, ty.name.to_string(), next)?,
            Definition::DeclTag { ty: of, .. } => self.spell(*of, inner, next)?,
        })
    }

    /// `const char`, but `char *const`.
    fn modified(
        &self,
        of: TypeId,
        word: &str,
        inner: String,
        depth: usize,
    ) -> Result<String, Error> {
        let of_pointer = matches!(self.get(of)?.definition, Definition::Ptr(_));
        Ok(match (of_pointer, inner.is_empty()) {
            (true, true) => self.spell(of, word.to_owned(), depth)?,
            (true, false) => self.spell(of, format!("{word} {inner}"), depth)?,
            (false, _) => format!("{word} {}", self.spell(of, inner, depth)?),
        })
    }

    /// Whether values of this type are numbers with a sign.
    ///
    /// # Errors
    /// If there is no such type.
    pub fn is_signed(&self, id: TypeId) -> Result<bool, Error> {
        Ok(match self.resolve(id)?.definition {
            Definition::Int { encoding, .. } => encoding == IntEncoding::Signed,
            Definition::Enum { values, .. } => values.signed(),
            _ => false,
        })
    }
}
