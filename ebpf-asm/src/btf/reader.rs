//! Encoded BTF: header, where each type begins, names.

use super::types::{Type, decode, tail_length};
use super::{Error, Kind, TypeId};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt;
use core::ops::Range;

/// The first two bytes, as a number.
pub(super) const MAGIC: u16 = 0xeb9f;
pub(super) const VERSION: u8 = 1;
/// Bytes of the header that all BTF has.
const HEADER: usize = 24;
/// Bytes that all types begin with: name, kind and length, size or type.
pub(super) const TYPE: usize = 12;

/// BTF that is read where it lies.
///
/// Making one walks over the types once, to note where each begins: four bytes a type, and a few
/// milliseconds for the kernel's. Everything else is decoded when it is asked for. Bytes of either
/// order are read.
///
/// Any input is fine: what is corrupt is an [`Error`] when it is met.
///
/// ```
/// use ebpf_asm::btf::{Btf, Error, Kind, TypeId};
///
/// # fn read() -> Vec<u8> {
/// # let mut bytes = vec![];
/// # bytes.extend(0xeb9fu16.to_ne_bytes());
/// # bytes.extend([1, 0]);
/// # for word in [24u32, 0, 16, 16, 5, 1, 1 << 24, 4, 1 << 24 | 32] {
/// #     bytes.extend(word.to_ne_bytes());
/// # }
/// # bytes.extend(b"\0int\0");
/// # bytes
/// # }
/// let bytes: Vec<u8> = read();
/// let btf = Btf::parse(&bytes)?;
/// let int = btf.find("int", Kind::Int)?;
/// assert_eq!(int, TypeId::new(1));
/// assert_eq!(btf.size_of(int)?, 4);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Btf<'a> {
    bytes: Cow<'a, [u8]>,
    types: Range<usize>,
    strings: Range<usize>,
    swapped: bool,
    /// Where each type begins in the section of types.
    offsets: Vec<u32>,
    base: Option<&'a Btf<'a>>,
    /// The number of the first type.
    first_id: u32,
    /// The offset of the first string.
    first_string: u32,
}

impl<'a> Btf<'a> {
    /// Reads BTF that stands for itself, like the kernel's.
    ///
    /// # Errors
    /// If this is not BTF, is cut off, or has types of an unknown kind.
    pub fn parse(bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self, Error> {
        Self::new(bytes.into(), None)
    }

    /// Reads BTF that goes on where `base` ends, like a module's after the kernel's.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Builder, IntEncoding, Kind};
    ///
    /// // A module's types go on where the kernel's end.
    /// let mut builder = Builder::new();
    /// builder.int("int", 4, IntEncoding::Signed)?;
    /// let kernel = Btf::parse(builder.finish())?;
    /// let module = Btf::parse_split(Builder::new().finish(), &kernel)?;
    /// assert!(module.base().is_some());
    /// assert_eq!((module.own_ids().len(), module.end_id()), (0, kernel.end_id()));
    /// assert!(module.find("int", Kind::Int).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_split(bytes: impl Into<Cow<'a, [u8]>>, base: &'a Btf<'a>) -> Result<Self, Error> {
        Self::new(bytes.into(), Some(base))
    }

    fn new(bytes: Cow<'a, [u8]>, base: Option<&'a Btf<'a>>) -> Result<Self, Error> {
        let header = bytes
            .get(..HEADER)
            .ok_or(Error::Header("it is shorter than a header"))?;
        let swapped = match u16::from_ne_bytes([header[0], header[1]]) {
            MAGIC => false,
            magic if magic.swap_bytes() == MAGIC => true,
            _ => return Err(Error::Header("its first bytes are not 0xeb9f")),
        };
        if header[2] != VERSION {
            return Err(Error::Header("its version is not 1"));
        }
        let word = |index: usize| word(header, 4 * index, swapped) as usize;
        let start = word(1);
        if start < HEADER {
            return Err(Error::Header("its header is shorter than one"));
        }
        let section = |offset: usize, length: usize, name: &'static str| {
            let begin = start.checked_add(offset);
            let end = begin.and_then(|begin| begin.checked_add(length));
            match (begin, end) {
                (Some(begin), Some(end)) if end <= bytes.len() => Ok(begin..end),
                _ => Err(Error::Header(name)),
            }
        };
        let types = section(word(2), word(3), "its types end behind its end")?;
        let strings = section(word(4), word(5), "its strings end behind its end")?;
        if strings.end > strings.start && bytes[strings.end - 1] != 0 {
            return Err(Error::Header("its last string has no end"));
        }
        if base.is_none() && bytes.get(strings.start) != Some(&0) {
            return Err(Error::Header("its first string is not empty"));
        }
        let (first_id, first_string) = match base {
            None => (1, 0),
            Some(base) => {
                if base.swapped != swapped {
                    return Err(Error::Header(
                        "its bytes have another order than its base's",
                    ));
                }
                let end = u32::try_from(base.strings.len()).ok();
                let end = end.and_then(|length| base.first_string.checked_add(length));
                let end = end.ok_or(Error::Header("its base has too many strings"))?;
                (base.end_id(), end)
            }
        };
        let offsets = index(&bytes[types.clone()], swapped, first_id)?;
        Ok(Self {
            bytes,
            types,
            strings,
            swapped,
            offsets,
            base,
            first_id,
            first_string,
        })
    }

    /// The encoded bytes: of this part, without its base.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it goes on from, if it does.
    #[must_use]
    pub const fn base(&self) -> Option<&'a Btf<'a>> {
        self.base
    }

    /// The numbers of the types of this part, without its base and without `void`.
    pub fn own_ids(&self) -> impl ExactSizeIterator<Item = TypeId> + use<> {
        // No BTF has 4 GB of types, which are 12 bytes and more each.
        let (start, length) = (self.first_id, self.offsets.len());
        (0..length).map(move |index| TypeId::new(start + index as u32))
    }

    /// The first number that no type has.
    #[must_use]
    pub fn end_id(&self) -> u32 {
        self.first_id + self.offsets.len() as u32
    }

    /// The type of this number.
    ///
    /// # Errors
    /// If there is none, or it is corrupt.
    pub fn get(&self, id: TypeId) -> Result<Type<'_>, Error> {
        if id.is_void() {
            return Ok(Type::VOID);
        }
        let (part, start) = self.locate(id)?;
        decode(part, id, &part.types()[start..])
    }

    /// The kind of this type; `None` for `void`.
    ///
    /// # Errors
    /// If there is no such type.
    pub fn kind(&self, id: TypeId) -> Result<Option<Kind>, Error> {
        if id.is_void() {
            return Ok(None);
        }
        let (part, start) = self.locate(id)?;
        Ok(Kind::from_raw(kind_of(part.word(part.types(), start + 4))))
    }

    /// The part that has this type, and where it begins there.
    fn locate(&self, id: TypeId) -> Result<(&Btf<'a>, usize), Error> {
        let mut part = self;
        while id.get() < part.first_id {
            // Only `void` is before the first of a part without a base.
            part = part.base.ok_or(Error::NoSuchType { id, end: 1 })?;
        }
        match part.offsets.get((id.get() - part.first_id) as usize) {
            Some(&start) => Ok((part, start as usize)),
            None => {
                let end = self.end_id();
                Err(Error::NoSuchType { id, end })
            }
        }
    }

    pub(super) fn types(&self) -> &[u8] {
        &self.bytes[self.types.clone()]
    }

    /// A number of the section of types, or of a part of it that is long enough.
    pub(super) fn word(&self, bytes: &[u8], offset: usize) -> u32 {
        word(bytes, offset, self.swapped)
    }

    pub(super) fn swapped(&self) -> bool {
        self.swapped
    }

    /// Where the types of this part begin, with their numbers.
    pub(super) fn own(&self) -> impl Iterator<Item = (TypeId, usize)> {
        self.own_ids()
            .zip(&self.offsets)
            .map(|(id, &start)| (id, start as usize))
    }

    /// The name at this offset of the strings.
    ///
    /// ```
    /// use ebpf_asm::btf::{Btf, Builder};
    ///
    /// let mut builder = Builder::new();
    /// let place = builder.text("r0 = 0;")?;
    /// let bytes = builder.finish();
    /// let btf = Btf::parse(bytes.clone())?;
    /// assert_eq!(btf.string(place)?, "r0 = 0;");
    /// assert_eq!(btf.bytes(), bytes);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If it is outside of them, or not UTF-8.
    pub fn string(&self, offset: u32) -> Result<&str, Error> {
        let name = self.string_from(offset).and_then(|bytes| {
            let name = CStr::from_bytes_until_nul(bytes).ok()?;
            name.to_str().ok()
        });
        name.ok_or(Error::BadName { offset })
    }

    /// Whether this name is at this offset.
    pub(super) fn string_is(&self, offset: u32, name: &str) -> bool {
        self.string_from(offset).is_some_and(|bytes| {
            bytes.get(name.len()) == Some(&0) && bytes.get(..name.len()) == Some(name.as_bytes())
        })
    }

    fn string_from(&self, offset: u32) -> Option<&[u8]> {
        let mut part = self;
        while offset < part.first_string {
            part = part.base?;
        }
        let strings = &part.bytes[part.strings.clone()];
        strings.get((offset - part.first_string) as usize..)
    }
}

impl fmt::Debug for Btf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Btf")
            .field("bytes", &self.bytes.len())
            .field("first_id", &self.first_id)
            .field("end_id", &self.end_id())
            .finish_non_exhaustive()
    }
}

pub(super) fn word(bytes: &[u8], offset: usize, swapped: bool) -> u32 {
    // All callers have looked at the length.
    let bytes = bytes.get(offset..).and_then(|bytes| bytes.first_chunk());
    let word = u32::from_ne_bytes(bytes.copied().unwrap_or_default());
    if swapped { word.swap_bytes() } else { word }
}

/// The kind in a type's second word. The kernel has five bits for it and keeps the next two free.
pub(super) const fn kind_of(info: u32) -> u32 {
    info >> 24 & 0x7f
}

/// Where each type begins.
fn index(types: &[u8], swapped: bool, first_id: u32) -> Result<Vec<u32>, Error> {
    let mut offsets = Vec::new();
    let mut at = 0;
    while at < types.len() {
        let id = TypeId::new(first_id.saturating_add(offsets.len() as u32));
        let corrupt = |reason| Error::Corrupt { id, reason };
        let rest = &types[at..];
        if rest.len() < TYPE {
            return Err(corrupt("it is cut off"));
        }
        let info = word(rest, 4, swapped);
        let kind = kind_of(info);
        let kind = Kind::from_raw(kind).ok_or(Error::UnknownKind { id, kind })?;
        let length = TYPE + tail_length(kind, info);
        if rest.len() < length {
            return Err(corrupt("it is cut off"));
        }
        // The section's length came from 32 bits.
        offsets.push(at as u32);
        at += length;
    }
    Ok(offsets)
}
