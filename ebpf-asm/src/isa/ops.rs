//! The parts that instructions are put together from: widths, sizes, operations.

/// Defines an enum of operations with the name that RFC 9669 gives each and the symbol that
/// the text form writes.
macro_rules! operations {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$doc:meta])* $variant:ident $mnemonic:literal $symbol:literal ),* $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $( $(#[$doc])* $variant, )*
        }

        impl $name {
            /// Every operation, in the order of the instruction table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the instruction table, as RFC 9669 and the kernel have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $mnemonic,)* }
            }

            /// How the text form writes the operation.
            #[must_use]
            pub const fn symbol(self) -> &'static str {
                match self { $(Self::$variant => $symbol,)* }
            }
        }
    };
}

operations! {
    /// An arithmetic operation with a destination and a source.
    AluOp {
        /// Addition; wraps.
        #[doc(alias = "BPF_ADD")]
        Add "add" "+=",
        /// Subtraction; wraps.
        #[doc(alias = "BPF_SUB")]
        Sub "sub" "-=",
        /// Multiplication; wraps.
        #[doc(alias = "BPF_MUL")]
        Mul "mul" "*=",
        /// Unsigned division; division by zero gives zero.
        #[doc(alias = "BPF_DIV")]
        Div "div" "/=",
        /// Bitwise or.
        #[doc(alias = "BPF_OR")]
        Or "or" "|=",
        /// Bitwise and.
        #[doc(alias = "BPF_AND")]
        And "and" "&=",
        /// Left shift; the count of a register source is masked to the width.
        #[doc(alias = "BPF_LSH")]
        Lsh "lsh" "<<=",
        /// Logical right shift; the count of a register source is masked to the width.
        #[doc(alias = "BPF_RSH")]
        Rsh "rsh" ">>=",
        /// Unsigned remainder; modulo zero leaves the destination as it is.
        #[doc(alias = "BPF_MOD")]
        Mod "mod" "%=",
        /// Bitwise exclusive or.
        #[doc(alias = "BPF_XOR")]
        Xor "xor" "^=",
        /// Copy; an immediate is sign-extended.
        #[doc(alias = "BPF_MOV")]
        Mov "mov" "=",
        /// Arithmetic right shift; the count of a register source is masked to the width.
        #[doc(alias = "BPF_ARSH")]
        Arsh "arsh" "s>>=",
        /// Signed division, truncating; Linux 6.6.
        SDiv "sdiv" "s/=",
        /// Signed remainder, of truncating division; Linux 6.6.
        SMod "smod" "s%=",
    }
}

operations! {
    /// The comparison of a conditional jump.
    JmpOp {
        /// Equal.
        #[doc(alias = "BPF_JEQ")]
        Eq "jeq" "==",
        /// Greater, unsigned.
        #[doc(alias = "BPF_JGT")]
        Gt "jgt" ">",
        /// Greater or equal, unsigned.
        #[doc(alias = "BPF_JGE")]
        Ge "jge" ">=",
        /// Some bit is set in both operands.
        #[doc(alias = "BPF_JSET")]
        Set "jset" "&",
        /// Not equal.
        #[doc(alias = "BPF_JNE")]
        Ne "jne" "!=",
        /// Greater, signed.
        #[doc(alias = "BPF_JSGT")]
        SGt "jsgt" "s>",
        /// Greater or equal, signed.
        #[doc(alias = "BPF_JSGE")]
        SGe "jsge" "s>=",
        /// Less, unsigned; Linux 4.14.
        #[doc(alias = "BPF_JLT")]
        Lt "jlt" "<",
        /// Less or equal, unsigned; Linux 4.14.
        #[doc(alias = "BPF_JLE")]
        Le "jle" "<=",
        /// Less, signed; Linux 4.14.
        #[doc(alias = "BPF_JSLT")]
        SLt "jslt" "s<",
        /// Less or equal, signed; Linux 4.14.
        #[doc(alias = "BPF_JSLE")]
        SLe "jsle" "s<=",
    }
}

operations! {
    /// What an atomic instruction does to memory. The plain forms discard the old value, the
    /// fetching forms return it in the source register (`CmpXchg`: in `r0`).
    AtomicOp {
        /// `lock *p += r`; the first atomic instruction of eBPF.
        #[doc(alias = "BPF_XADD")]
        Add "add" "+=",
        /// `lock *p |= r`; Linux 5.12.
        Or "or" "|=",
        /// `lock *p &= r`; Linux 5.12.
        And "and" "&=",
        /// `lock *p ^= r`; Linux 5.12.
        Xor "xor" "^=",
        /// `r = atomic_fetch_add(p, r)`; Linux 5.12.
        FetchAdd "fetch_add" "atomic_fetch_add",
        /// `r = atomic_fetch_or(p, r)`; Linux 5.12.
        FetchOr "fetch_or" "atomic_fetch_or",
        /// `r = atomic_fetch_and(p, r)`; Linux 5.12.
        FetchAnd "fetch_and" "atomic_fetch_and",
        /// `r = atomic_fetch_xor(p, r)`; Linux 5.12.
        FetchXor "fetch_xor" "atomic_fetch_xor",
        /// `r = xchg_64(p, r)`: exchange; Linux 5.12.
        #[doc(alias = "BPF_XCHG")]
        Xchg "xchg" "xchg",
        /// `r0 = cmpxchg_64(p, r0, r)`: compare and exchange; Linux 5.12.
        #[doc(alias = "BPF_CMPXCHG")]
        CmpXchg "cmpxchg" "cmpxchg",
    }
}

operations! {
    /// A change of byte order.
    EndianOp {
        /// To or from little-endian: nothing on little-endian machines but truncation.
        #[doc(alias = "BPF_TO_LE")]
        Le "le" "le",
        /// To or from big-endian.
        #[doc(alias = "BPF_TO_BE")]
        Be "be" "be",
        /// Swap always; Linux 6.6.
        Bswap "bswap" "bswap",
    }
}

operations! {
    /// How many bits an instruction computes with.
    Width {
        /// 32 bits, registers written `w0` to `w10`; the upper half of the result is zero.
        #[doc(alias = "BPF_ALU")]
        #[doc(alias = "BPF_JMP32")]
        W32 "32" "w",
        /// 64 bits, registers written `r0` to `r10`.
        #[doc(alias = "BPF_ALU64")]
        #[doc(alias = "BPF_JMP")]
        W64 "64" "r",
    }
}

operations! {
    /// The size of a memory access.
    Size {
        /// One byte.
        #[doc(alias = "BPF_B")]
        Byte "b" "u8",
        /// Two bytes.
        #[doc(alias = "BPF_H")]
        Half "h" "u16",
        /// Four bytes.
        #[doc(alias = "BPF_W")]
        Word "w" "u32",
        /// Eight bytes.
        #[doc(alias = "BPF_DW")]
        Double "dw" "u64",
    }
}

operations! {
    /// The size of a value that is sign-extended.
    SignedSize {
        /// One byte.
        S8 "sb" "s8",
        /// Two bytes.
        S16 "sh" "s16",
        /// Four bytes.
        S32 "sw" "s32",
    }
}

operations! {
    /// The size of a change of byte order.
    EndianSize {
        /// Two bytes; the rest of the register becomes zero.
        Bits16 "16" "16",
        /// Four bytes; the rest of the register becomes zero.
        Bits32 "32" "32",
        /// Eight bytes.
        Bits64 "64" "64",
    }
}

operations! {
    /// Where the second operand of an instruction comes from.
    Source {
        /// The 32-bit immediate of the instruction.
        #[doc(alias = "BPF_K")]
        Imm "imm" "imm",
        /// A register.
        #[doc(alias = "BPF_X")]
        Reg "reg" "reg",
    }
}

operations! {
    /// What the 64-bit immediate of a two-slot load means: the source-register field of
    /// `lddw`.
    ImmediateSource {
        /// The number itself.
        Value "lddw" "0",
        /// A map's file descriptor, which the kernel turns into the map's address.
        #[doc(alias = "BPF_PSEUDO_MAP_FD")]
        MapFd "lddw_map_fd" "1",
        /// A map's file descriptor and an offset into its only value; Linux 5.2.
        #[doc(alias = "BPF_PSEUDO_MAP_VALUE")]
        MapValue "lddw_map_value" "2",
        /// The BTF id of a kernel variable; Linux 5.10.
        #[doc(alias = "BPF_PSEUDO_BTF_ID")]
        BtfId "lddw_btf_id" "3",
        /// The distance to a function of the same program; Linux 5.13.
        #[doc(alias = "BPF_PSEUDO_FUNC")]
        Function "lddw_func" "4",
        /// An index into the load's array of file descriptors; Linux 5.14.
        #[doc(alias = "BPF_PSEUDO_MAP_IDX")]
        MapIndex "lddw_map_idx" "5",
        /// Such an index and an offset into the map's only value; Linux 5.14.
        #[doc(alias = "BPF_PSEUDO_MAP_IDX_VALUE")]
        MapIndexValue "lddw_map_idx_value" "6",
    }
}

impl Size {
    /// The number of bytes: 1, 2, 4 or 8.
    #[must_use]
    pub const fn bytes(self) -> u8 {
        1 << self as u8
    }
}

impl SignedSize {
    /// The number of bytes: 1, 2 or 4.
    #[must_use]
    pub const fn bytes(self) -> u8 {
        1 << self as u8
    }
}

impl EndianSize {
    /// The number of bits: 16, 32 or 64.
    #[must_use]
    pub const fn bits(self) -> u8 {
        16 << self as u8
    }
}

impl Width {
    /// The number of bits: 32 or 64.
    #[must_use]
    pub const fn bits(self) -> u8 {
        32 << self as u8
    }
}

impl AtomicOp {
    /// Whether the old value comes back in a register.
    #[must_use]
    pub const fn fetches(self) -> bool {
        !matches!(self, Self::Add | Self::Or | Self::And | Self::Xor)
    }
}

operations! {
    /// A sign-extending move: how many bits are taken and how many are written.
    SignExtension {
        /// 8 bits to 32; the upper half becomes zero.
        S8ToW32 "movsx8_32" "s8",
        /// 16 bits to 32; the upper half becomes zero.
        S16ToW32 "movsx16_32" "s16",
        /// 8 bits to 64.
        S8ToW64 "movsx8_64" "s8",
        /// 16 bits to 64.
        S16ToW64 "movsx16_64" "s16",
        /// 32 bits to 64.
        S32ToW64 "movsx32_64" "s32",
    }
}

operations! {
    /// The size of a legacy packet load, which has no eight-byte form.
    PacketSize {
        /// One byte.
        Byte "b" "u8",
        /// Two bytes, converted from network byte order.
        Half "h" "u16",
        /// Four bytes, converted from network byte order.
        Word "w" "u32",
    }
}
