//! BTF, the kernel's type information.
//!
//! - [`Btf`]: a reader of encoded BTF, of the kernel's 5 MB as of an object's few hundred bytes:
//!   nothing is decoded before it is asked for, and no input is trusted.
//! - [`Builder`]: an encoder that has each type once.
//! - [`ObjectBtf`]: the types of an object, and the records of its programs.
//! - [`Type`] and [`Definition`]: one type, as it is read.
//!
//! ```
//! use ebpf_asm::btf::{Btf, Kind};
//!
//! fn offset_of_pid(vmlinux: &[u8]) -> Result<u64, ebpf_asm::btf::Error> {
//!     let btf = Btf::parse(vmlinux)?;
//!     let task = btf.find("task_struct", Kind::Struct)?;
//!     Ok(btf.member(task, "pid")?.bit_offset / 8)
//! }
//! assert!(offset_of_pid(b"not BTF").is_err());
//! ```

mod builder;
#[cfg(test)]
mod builder_tests;
mod describe;
mod error;
mod kind;
mod lookup;
mod object_btf;
mod reader;
#[cfg(test)]
mod reader_tests;
mod types;

pub use builder::{BuildError, Builder};
pub use describe::DescribeError;
pub use error::Error;
pub use kind::Kind;
pub use lookup::{FoundMember, FunctionPrototype};
pub use object_btf::{MapTypes, ObjectBtf, ProgramRecords};
pub use reader::Btf;
pub use types::{
    Definition, Element, Elements, EnumValue, IntEncoding, Linkage, Member, Parameter, Type,
    Variable,
};

use core::fmt;

/// The number of a type. In split BTF the numbers go on after those of the base.
///
/// ```
/// use ebpf_asm::btf::TypeId;
///
/// assert!(TypeId::VOID.is_void());
/// assert_eq!(TypeId::new(7).get(), 7);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(u32);

impl TypeId {
    /// `void`, which is not written down.
    pub const VOID: Self = Self(0);

    /// The type with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether this is `void`.
    #[must_use]
    pub const fn is_void(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0)
    }
}
