//! What a program asks of the kernel that it is loaded into: functions and variables by name, and
//! facts about types.

use core::fmt;

/// A function or variable of the kernel that programs name: `extern "kernel" { … }`.
///
/// ```
/// use ebpf_asm::object::{KernelSymbolDef, KernelType};
///
/// const U64: KernelType = KernelType::Integer { size: 8, signed: false };
/// static JIFFIES: KernelSymbolDef =
///     KernelSymbolDef::variable("jiffies", U64, "static jiffies: u64").weak();
/// assert!(JIFFIES.weak);
///
/// static STRCMP: KernelSymbolDef = KernelSymbolDef::function(
///     "bpf_strcmp",
///     &[KernelType::Pointer { to: "c_char" }, KernelType::Pointer { to: "c_char" }],
///     KernelType::Integer { size: 4, signed: true },
///     "fn bpf_strcmp(a: *const c_char, b: *const c_char) -> i32",
/// );
/// println!("{}", STRCMP.declaration);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelSymbolDef {
    /// Its name in the kernel.
    pub name: &'static str,
    /// Whether programs also work without it: `#[weak]`.
    pub weak: bool,
    /// What it is declared as.
    pub kind: KernelSymbolKind,
    /// The declaration as it was written: `fn bpf_strcmp(a: *const c_char, b: *const c_char) -> i32`.
    pub declaration: &'static str,
}

impl KernelSymbolDef {
    /// A function with this signature.
    #[must_use]
    pub const fn function(
        name: &'static str,
        parameters: &'static [KernelType],
        result: KernelType,
        declaration: &'static str,
    ) -> Self {
        Self {
            name,
            weak: false,
            kind: KernelSymbolKind::Function { parameters, result },
            declaration,
        }
    }

    /// A variable of this type.
    #[must_use]
    pub const fn variable(name: &'static str, ty: KernelType, declaration: &'static str) -> Self {
        Self {
            name,
            weak: false,
            kind: KernelSymbolKind::Variable { ty },
            declaration,
        }
    }

    /// The same symbol, which need not be there.
    #[must_use]
    pub const fn weak(self) -> Self {
        Self { weak: true, ..self }
    }
}

/// What a kernel symbol is declared as.
///
/// ```
/// use ebpf_asm::object::{KernelSymbolDef, KernelSymbolKind, KernelType};
///
/// /// Calls of functions need Linux 5.13.
/// fn is_call(symbol: &KernelSymbolDef) -> bool {
///     matches!(symbol.kind, KernelSymbolKind::Function { .. })
/// }
///
/// let variable = KernelSymbolDef::variable("jiffies", KernelType::Void, "static jiffies: ()");
/// assert!(!is_call(&variable));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelSymbolKind {
    /// A function that programs can call.
    #[doc(alias = "kfunc")]
    Function {
        /// The types of its parameters.
        parameters: &'static [KernelType],
        /// What it returns.
        result: KernelType,
    },
    /// A variable, whose address programs can take.
    #[doc(alias = "ksym")]
    Variable {
        /// Its type.
        ty: KernelType,
    },
}

/// A type as far as it can be compared with what the kernel says.
///
/// ```
/// use ebpf_asm::object::KernelType;
///
/// let task = KernelType::Pointer { to: "" }.named("task_struct");
/// assert_eq!(task, KernelType::Pointer { to: "task_struct" });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelType {
    /// Nothing: `()`.
    Void,
    /// An integer.
    Integer {
        /// Bytes.
        size: u8,
        /// Whether it has a sign.
        signed: bool,
    },
    /// A truth value.
    Bool,
    /// A pointer.
    Pointer {
        /// The name of what it points to, as it was written; empty if it is not known.
        to: &'static str,
    },
    /// Anything else, by its name as it was written.
    Other {
        /// The name; empty if it is not known.
        name: &'static str,
    },
}

impl KernelType {
    /// The same type with the name that was written: of what a pointer points to, or its own.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        match self {
            Self::Pointer { .. } => Self::Pointer { to: name },
            Self::Other { .. } => Self::Other { name },
            other => other,
        }
    }
}

/// A fact about the kernel's types that an instruction uses as a constant.
///
/// `Display` is what source writes: `offsetof(task_struct.pid)`.
///
/// ```
/// use ebpf_asm::object::{KernelConstantDef, KernelConstantKind};
///
/// static PID: KernelConstantDef =
///     KernelConstantDef::new(KernelConstantKind::OffsetOf, "task_struct", "pid");
/// assert_eq!(PID.to_string(), "offsetof(task_struct.pid)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelConstantDef {
    /// Which fact.
    pub kind: KernelConstantKind,
    /// The struct, union, enumeration or typedef.
    pub ty: &'static str,
    /// Members from there on, or the name of an enumeration's value: `se.vruntime`; empty for the
    /// type itself.
    pub path: &'static str,
}

impl KernelConstantDef {
    /// This fact about a type and what is in it.
    #[must_use]
    pub const fn new(kind: KernelConstantKind, ty: &'static str, path: &'static str) -> Self {
        Self { kind, ty, path }
    }
}

impl fmt::Display for KernelConstantDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.write(f, self.ty, self.path)
    }
}

/// Which fact about a type of the kernel.
///
/// ```
/// use ebpf_asm::object::KernelConstantKind;
///
/// assert_eq!(KernelConstantKind::SizeOf.name(), "sizeof");
/// assert!(KernelConstantKind::OffsetOf.needs_path());
/// assert!(!KernelConstantKind::SizeOf.needs_path());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KernelConstantKind {
    /// `offsetof(task_struct.pid)`: bytes before a member.
    #[doc(alias = "BPF_CORE_FIELD_BYTE_OFFSET")]
    OffsetOf,
    /// `sizeof(task_struct)`, `sizeof(task_struct.comm)`: bytes of a type or member.
    #[doc(alias = "BPF_CORE_TYPE_SIZE")]
    #[doc(alias = "BPF_CORE_FIELD_BYTE_SIZE")]
    SizeOf,
    /// `exists(task_struct.pid)`: 1 if there is such a type, member or value, else 0.
    #[doc(alias = "BPF_CORE_FIELD_EXISTS")]
    #[doc(alias = "BPF_CORE_TYPE_EXISTS")]
    #[doc(alias = "BPF_CORE_ENUMVAL_EXISTS")]
    Exists,
    /// `enumval(bpf_func_id.BPF_FUNC_loop)`: the number behind a name.
    #[doc(alias = "BPF_CORE_ENUMVAL_VALUE")]
    EnumValue,
}

impl KernelConstantKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::OffsetOf, Self::SizeOf, Self::Exists, Self::EnumValue];

    /// The word that source writes: `offsetof`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OffsetOf => "offsetof",
            Self::SizeOf => "sizeof",
            Self::Exists => "exists",
            Self::EnumValue => "enumval",
        }
    }

    /// Whether it needs a path behind the type.
    #[must_use]
    pub const fn needs_path(self) -> bool {
        matches!(self, Self::OffsetOf | Self::EnumValue)
    }

    pub(crate) fn write(
        self,
        f: &mut (impl fmt::Write + ?Sized),
        ty: &str,
        path: &str,
    ) -> fmt::Result {
        match path {
            "" => write!(f, "{}({ty})", self.name()),
            path => write!(f, "{}({ty}.{path})", self.name()),
        }
    }
}
