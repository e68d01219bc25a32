//! What helpers take and give back, in the kernel's terms.

use crate::ProgramType;

/// Declares a fieldless enum whose variants carry the kernel's name for them.
macro_rules! kinds {
    (
        $(#[$outer:meta])*
        pub enum $name:ident ($prefix:literal) {
            $( $(#[$inner:meta])* $variant:ident = $kernel:tt $(also $alias:tt)*; )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(
                $(#[$inner])*
                #[doc(alias = $kernel)]
                $(#[doc(alias = $alias)])*
                $variant,
            )+
        }

        impl $name {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            #[doc = concat!("The kernel's name for it, `", $prefix, "…`.")]
            #[must_use]
            pub const fn kernel_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $kernel,)+
                }
            }
        }
    };
}

/// Declares a small set of flags.
macro_rules! flags {
    (
        $(#[$outer:meta])*
        pub struct $name:ident {
            $( $(#[$inner:meta])* $flag:ident = $bit:literal, $kernel:tt; )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(u16);

        impl $name {
            /// No flag at all.
            pub const NONE: Self = Self(0);
            $(
                $(#[$inner])*
                #[doc(alias = $kernel)]
                pub const $flag: Self = Self(1 << $bit);
            )+

            /// The flags of both.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether every flag of `other` is set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether no flag is set.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }
        }

        impl core::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut bar = "";
                $(
                    if self.contains(Self::$flag) {
                        write!(f, "{bar}{}", stringify!($flag))?;
                        bar = " | ";
                    }
                )+
                if bar.is_empty() { f.write_str("NONE") } else { Ok(()) }
            }
        }
    };
}

kinds! {
    /// What the verifier demands of an argument, without its [`ArgumentFlags`].
    ///
    /// ```
    /// use ebpf_asm::helpers::{self, ArgumentKind};
    ///
    /// // How much a helper reads is in the argument behind the memory.
    /// let output = helpers::by_name("bpf_ringbuf_output").unwrap();
    /// let size = output.args.iter().position(|argument| argument.kind.is_size());
    /// assert_eq!(size, Some(2));
    /// assert_eq!(ArgumentKind::PtrToCtx.kernel_name(), "ARG_PTR_TO_CTX");
    /// ```
    pub enum ArgumentKind ("ARG_") {
        /// Not looked at: the register may even be unwritten.
        Dontcare = "ARG_DONTCARE";
        /// Any value that has been written.
        Anything = "ARG_ANYTHING";
        /// Any number, but no pointer.
        Scalar = "ARG_SCALAR";
        /// A map, as `lddw` loads it.
        ConstMapPtr = "ARG_CONST_MAP_PTR";
        /// Memory of the key size of the map in an earlier argument.
        PtrToMapKey = "ARG_PTR_TO_MAP_KEY";
        /// Memory of the value size of the map in an earlier argument.
        PtrToMapValue = "ARG_PTR_TO_MAP_VALUE";
        /// Memory: of [`Argument::size`](super::Argument::size) bytes, or, when that is `None`, of
        /// as many as the next argument says.
        PtrToMem = "ARG_PTR_TO_MEM" also "ARG_PTR_TO_UNINIT_MEM" also "ARG_PTR_TO_FIXED_SIZE_MEM";
        /// The size of the memory before it; at least 1.
        MemSize = "ARG_MEM_SIZE" also "ARG_CONST_SIZE";
        /// The size of the memory before it; 0 is allowed.
        MemSizeOrZero = "ARG_MEM_SIZE_OR_ZERO" also "ARG_CONST_SIZE_OR_ZERO";
        /// A size known at load time, of the memory that the helper gives back.
        ConstAllocSizeOrZero = "ARG_CONST_ALLOC_SIZE_OR_ZERO";
        /// The program's context, unmodified.
        PtrToCtx = "ARG_PTR_TO_CTX";
        /// A `bpf_spin_lock` inside a map value or an allocated object.
        PtrToSpinLock = "ARG_PTR_TO_SPIN_LOCK";
        /// A socket, which need not be a full one.
        PtrToSockCommon = "ARG_PTR_TO_SOCK_COMMON";
        /// A full socket.
        PtrToSocket = "ARG_PTR_TO_SOCKET";
        /// A kernel object of the type [`Argument::btf_type`](super::Argument::btf_type).
        PtrToBtfId = "ARG_PTR_TO_BTF_ID";
        /// A record that `bpf_ringbuf_reserve` gave.
        PtrToRingbufMem = "ARG_PTR_TO_RINGBUF_MEM";
        /// A socket, either as [`PtrToSockCommon`](Self::PtrToSockCommon) or as a kernel object.
        PtrToBtfIdSockCommon = "ARG_PTR_TO_BTF_ID_SOCK_COMMON";
        /// A per-CPU kernel variable.
        PtrToPercpuBtfId = "ARG_PTR_TO_PERCPU_BTF_ID";
        /// A static function of the program: a callback.
        PtrToFunc = "ARG_PTR_TO_FUNC";
        /// Stack memory of the caller, or null: what a callback is given.
        PtrToStack = "ARG_PTR_TO_STACK";
        /// A terminated string in a read-only map.
        PtrToConstStr = "ARG_PTR_TO_CONST_STR";
        /// A `bpf_timer` inside a map value.
        PtrToTimer = "ARG_PTR_TO_TIMER";
        /// A place for a kernel pointer, in a map value or an allocated object.
        KptrXchgDest = "ARG_KPTR_XCHG_DEST" also "ARG_PTR_TO_KPTR";
        /// A dynptr on the stack.
        PtrToDynptr = "ARG_PTR_TO_DYNPTR";
    }
}

impl ArgumentKind {
    /// Whether it is the size of the memory that the argument before it points to.
    #[must_use]
    pub const fn is_size(self) -> bool {
        matches!(self, Self::MemSize | Self::MemSizeOrZero)
    }
}

flags! {
    /// What changes the meaning of an [`ArgumentKind`].
    ///
    /// ```
    /// use ebpf_asm::helpers::{self, ArgumentFlags};
    ///
    /// // The memory that a helper fills need not be written before.
    /// let read = helpers::by_name("bpf_probe_read_kernel").unwrap();
    /// assert!(read.args[0].flags.contains(ArgumentFlags::UNINIT));
    /// assert!(ArgumentFlags::NONE.is_empty());
    /// let both = ArgumentFlags::NULLABLE.union(ArgumentFlags::WRITE);
    /// assert!(both.contains(ArgumentFlags::WRITE));
    /// ```
    pub struct ArgumentFlags {
        /// Null (the number 0) is allowed.
        NULLABLE = 0, "PTR_MAYBE_NULL";
        /// The memory need not be initialised: the helper fills it.
        UNINIT = 1, "MEM_UNINIT";
        /// The helper only reads the memory.
        READ_ONLY = 2, "MEM_RDONLY";
        /// The helper writes to the memory.
        WRITE = 3, "MEM_WRITE";
        /// The memory must be aligned to its size.
        ALIGNED = 4, "MEM_ALIGNED";
        /// The helper takes the reference over: the pointer is dead afterwards.
        RELEASE = 5, "OBJ_RELEASE";
        /// The dynptr is to local memory.
        DYNPTR_LOCAL = 6, "DYNPTR_TYPE_LOCAL";
        /// The dynptr is to a ring buffer's record.
        DYNPTR_RINGBUF = 7, "DYNPTR_TYPE_RINGBUF";
    }
}

kinds! {
    /// What a helper leaves in `r0`, without its [`ReturnFlags`].
    ///
    /// ```
    /// use ebpf_asm::helpers::{self, ReturnKind};
    ///
    /// // Helpers after which r0 is unwritten:
    /// let silent: Vec<&str> = helpers::ALL
    ///     .iter()
    ///     .filter(|helper| helper.ret.kind == ReturnKind::Void)
    ///     .map(|helper| helper.name)
    ///     .collect();
    /// assert!(silent.contains(&"bpf_ringbuf_submit"));
    /// assert_eq!(ReturnKind::Void.kernel_name(), "RET_VOID");
    /// ```
    pub enum ReturnKind ("RET_") {
        /// A number.
        Integer = "RET_INTEGER";
        /// Nothing: `r0` is unwritten after the call.
        Void = "RET_VOID";
        /// A pointer to the value of the map in the first argument.
        PtrToMapValue = "RET_PTR_TO_MAP_VALUE";
        /// A full socket.
        PtrToSocket = "RET_PTR_TO_SOCKET";
        /// A TCP socket's fields.
        PtrToTcpSock = "RET_PTR_TO_TCP_SOCK";
        /// A socket, which need not be a full one.
        PtrToSockCommon = "RET_PTR_TO_SOCK_COMMON";
        /// A record in a ring buffer, of the size that was asked for.
        PtrToRingbufMem = "RET_PTR_TO_RINGBUF_MEM" also "RET_PTR_TO_RINGBUF_MEM_OR_NULL";
        /// Memory behind a dynptr, of the size that was asked for.
        PtrToDynptrMem = "RET_PTR_TO_DYNPTR_MEM" also "RET_PTR_TO_DYNPTR_MEM_OR_NULL";
        /// A kernel variable: memory or a typed object, whichever the variable is.
        PtrToMemOrBtfId = "RET_PTR_TO_MEM_OR_BTF_ID";
        /// A kernel object, of the type [`ReturnValue::btf_type`](super::ReturnValue::btf_type)
        /// where it is fixed.
        PtrToBtfId = "RET_PTR_TO_BTF_ID";
    }
}

flags! {
    /// What changes the meaning of a [`ReturnKind`].
    ///
    /// ```
    /// use ebpf_asm::helpers::{self, ReturnFlags};
    ///
    /// // What has to be given back, and can be null: look first, then release.
    /// let reserve = helpers::by_name("bpf_ringbuf_reserve").unwrap().ret.flags;
    /// assert!(reserve.contains(ReturnFlags::NULLABLE) && !reserve.is_empty());
    /// let both = ReturnFlags::NULLABLE.union(ReturnFlags::ACQUIRE);
    /// assert!(both.contains(ReturnFlags::ACQUIRE));
    /// ```
    pub struct ReturnFlags {
        /// It may be null and must be checked before use.
        NULLABLE = 0, "PTR_MAYBE_NULL";
        /// It may only be read through.
        READ_ONLY = 1, "MEM_RDONLY";
        /// It may be handed to kernel functions that want trusted pointers.
        TRUSTED = 2, "PTR_TRUSTED";
        /// It carries a reference, to be given back on every path where it is not null.
        ACQUIRE = 3, "KF_ACQUIRE";
    }
}

/// A set of program types.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::helpers::{self, ProgramTypeSet};
///
/// let adjust_head = helpers::by_name("bpf_xdp_adjust_head").unwrap();
/// assert_eq!(adjust_head.program_types, ProgramTypeSet::of(&[ProgramType::Xdp]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProgramTypeSet(u64);

impl ProgramTypeSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// The set of the given types.
    #[must_use]
    pub const fn of(types: &[ProgramType]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < types.len() {
            bits |= 1 << types[at].as_raw();
            at += 1;
        }
        Self(bits)
    }

    /// The set with bit `n` for the type with the kernel's number `n`.
    ///
    /// ```
    /// use ebpf_asm::ProgramType;
    /// use ebpf_asm::helpers::ProgramTypeSet;
    ///
    /// let tracing = ProgramTypeSet::of(&[ProgramType::Kprobe, ProgramType::Tracepoint]);
    /// assert_eq!((tracing.len(), tracing.is_empty()), (2, false));
    /// assert!(tracing.contains(ProgramType::Kprobe) && !tracing.contains(ProgramType::Xdp));
    /// assert_eq!(tracing.iter().next(), Some(ProgramType::Kprobe));
    /// assert_eq!(ProgramTypeSet::from_bits(tracing.bits()), tracing);
    /// ```
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Bit `n` for the type with the kernel's number `n`.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether `program_type` is in the set.
    #[must_use]
    pub const fn contains(self, program_type: ProgramType) -> bool {
        self.0 >> program_type.as_raw() & 1 != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many types are in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The types in the set, in the kernel's order.
    pub fn iter(self) -> impl Iterator<Item = ProgramType> {
        ProgramType::ALL
            .iter()
            .copied()
            .filter(move |&program_type| self.contains(program_type))
    }
}

impl core::fmt::Debug for ProgramTypeSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
