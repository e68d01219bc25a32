//! Tables of functions that the kernel calls (struct_ops): what is in them.

use core::fmt;

/// A table of functions of the kernel, and what its members are.
///
/// ```
/// use ebpf_asm::object::{StructOpsDef, StructOpsMember};
///
/// static MEMBERS: [StructOpsMember; 1] = [StructOpsMember::text("name", "steady")];
/// static STEADY: StructOpsDef = StructOpsDef::new("tcp_congestion_ops", &MEMBERS);
/// assert_eq!(STEADY.members[0].name, "name");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StructOpsDef {
    /// The kernel's type of the table: `tcp_congestion_ops`.
    pub ops: &'static str,
    /// The members that are said; the others are zero, or the programs that say that they are
    /// that member.
    pub members: &'static [StructOpsMember],
}

impl StructOpsDef {
    /// A table of this type with these members.
    #[must_use]
    pub const fn new(ops: &'static str, members: &'static [StructOpsMember]) -> Self {
        Self { ops, members }
    }
}

/// A member of a table of functions: `StructOpsMember::text("name", "my_cubic")`.
///
/// ```
/// use ebpf_asm::object::StructOpsMember;
///
/// static MEMBERS: [StructOpsMember; 4] = [
///     StructOpsMember::text("name", "steady"),
///     StructOpsMember::integer("flags", 2),
///     StructOpsMember::program("cong_avoid", "avoid_nothing"),
///     StructOpsMember::bytes("owner", &[0; 8]),
/// ];
/// assert_eq!(MEMBERS[0].to_string(), "name = \"steady\"");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StructOpsMember {
    /// Its name in the kernel's type. Members of members have dots: `owner.name`.
    pub name: &'static str,
    /// What it is.
    pub value: StructOpsValue,
}

/// What a member of a table of functions is.
///
/// ```
/// use ebpf_asm::object::{StructOpsMember, StructOpsValue};
///
/// let member = StructOpsMember::program("cong_avoid", "avoid_nothing");
/// assert_eq!(member.value, StructOpsValue::Program("avoid_nothing"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StructOpsValue {
    /// The program of this name.
    Program(&'static str),
    /// A number.
    Integer(i128),
    /// A text, with zeros behind it.
    Text(&'static str),
    /// Bytes, with zeros behind them.
    Bytes(&'static [u8]),
}

impl StructOpsMember {
    /// A function: the program of this name in the same object. If no member names a program,
    /// each program of the table's type is the member that its attribute says.
    #[must_use]
    pub const fn program(name: &'static str, program: &'static str) -> Self {
        Self::new(name, StructOpsValue::Program(program))
    }

    /// A number of any size.
    #[must_use]
    pub const fn integer(name: &'static str, value: i128) -> Self {
        Self::new(name, StructOpsValue::Integer(value))
    }

    /// An array of characters, with a zero at its end.
    #[must_use]
    pub const fn text(name: &'static str, value: &'static str) -> Self {
        Self::new(name, StructOpsValue::Text(value))
    }

    /// A member of any type, as its bytes in memory.
    #[must_use]
    pub const fn bytes(name: &'static str, value: &'static [u8]) -> Self {
        Self::new(name, StructOpsValue::Bytes(value))
    }

    const fn new(name: &'static str, value: StructOpsValue) -> Self {
        Self { name, value }
    }
}

/// As the listing shows it: `name = "my_cubic"`, `init = my_init`.
impl fmt::Display for StructOpsMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.name)?;
        match self.value {
            StructOpsValue::Program(program) => f.write_str(program),
            StructOpsValue::Integer(number) => write!(f, "{number}"),
            StructOpsValue::Text(text) => write!(f, "{text:?}"),
            StructOpsValue::Bytes(bytes) => write!(f, "{bytes:?}"),
        }
    }
}
