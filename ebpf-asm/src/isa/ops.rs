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
    ///
    /// ```
    /// use ebpf_asm::isa::{AluOp, Instruction, Register::*, Width};
    ///
    /// assert_eq!((AluOp::SDiv.name(), AluOp::SDiv.symbol()), ("sdiv", "s/="));
    /// let divide = Instruction::alu_reg(Width::W64, AluOp::SDiv, R1, R2);
    /// assert_eq!(divide.to_string(), "r1 s/= r2");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, JmpOp, Register::*, Width};
    ///
    /// assert_eq!((JmpOp::SGt.name(), JmpOp::SGt.symbol()), ("jsgt", "s>"));
    /// let branch = Instruction::branch_reg(Width::W32, JmpOp::SGt, R1, R2, 3);
    /// assert_eq!(branch.to_string(), "if w1 s> w2 goto +3");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{AtomicOp, Instruction, Register::*, Width};
    ///
    /// assert_eq!((AtomicOp::Xchg.name(), AtomicOp::Add.symbol()), ("xchg", "+="));
    /// assert!(AtomicOp::FetchAdd.fetches() && !AtomicOp::Add.fetches());
    /// let count = Instruction::atomic(Width::W64, AtomicOp::Add, R0, 0, R1);
    /// assert_eq!(count.to_string(), "lock *(u64 *)(r0 + 0) += r1");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{EndianOp, EndianSize, Instruction, Register::*};
    ///
    /// assert_eq!((EndianOp::Be.name(), EndianOp::Bswap.symbol()), ("be", "bswap"));
    /// // A port out of a packet, which is in network order:
    /// let port = Instruction::endian(EndianOp::Be, EndianSize::Bits16, R1);
    /// assert_eq!(port.to_string(), "r1 = be16 r1");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{AluOp, Instruction, Register::*, Width};
    ///
    /// assert_eq!((Width::W32.bits(), Width::W32.name(), Width::W32.symbol()), (32, "32", "w"));
    /// let add = Instruction::alu_imm(Width::W32, AluOp::Add, R1, 1);
    /// assert_eq!(add.to_string(), "w1 += 1");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*, Size};
    ///
    /// assert_eq!((Size::Half.bytes(), Size::Half.name(), Size::Half.symbol()), (2, "h", "u16"));
    /// assert_eq!(Instruction::load(Size::Half, R1, R2, 12).to_string(), "r1 = *(u16 *)(r2 + 12)");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*, SignedSize};
    ///
    /// let size = SignedSize::S32;
    /// assert_eq!((size.bytes(), size.name(), size.symbol()), (4, "sw", "s32"));
    /// assert_eq!(Instruction::load_signed(size, R1, R2, 8).to_string(), "r1 = *(s32 *)(r2 + 8)");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{EndianOp, EndianSize, Instruction, Register::*};
    ///
    /// let size = EndianSize::Bits32;
    /// assert_eq!((size.bits(), size.name(), size.symbol()), (32, "32", "32"));
    /// assert_eq!(Instruction::endian(EndianOp::Bswap, size, R3).to_string(), "r3 = bswap32 r3");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{AluOp, Form, Instruction, Register::*, Source, Width};
    ///
    /// assert_eq!((Source::Imm.name(), Source::Reg.symbol()), ("imm", "reg"));
    /// let add = Instruction::alu_imm(Width::W64, AluOp::Add, R1, 1);
    /// assert_eq!(add.form(), Form::Alu(AluOp::Add, Width::W64, Source::Imm));
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{ImmediateSource, Instruction, Register::*};
    ///
    /// let source = ImmediateSource::MapFd;
    /// assert_eq!((source.name(), source.symbol()), ("lddw_map_fd", "1"));
    /// // What a loader puts in once it has made the map:
    /// let map = Instruction::load_map_fd(R1, 5);
    /// assert_eq!(map, Instruction::load_pseudo(R1, source, 5, 0));
    /// assert_eq!(map.to_string(), "ld_pseudo r1, 1, 5");
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, Register::*, SignExtension, Width};
    ///
    /// let extension = SignExtension::ALL[0];
    /// println!("{} {}", extension.name(), extension.symbol());
    /// let extended = Instruction::sign_extend(extension, R1, R2);
    /// assert!(extended.to_string().contains("(s8)"));
    /// ```
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
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, PacketSize};
    ///
    /// assert_eq!((PacketSize::Half.name(), PacketSize::Half.symbol()), ("h", "u16"));
    /// // The protocol, behind the Ethernet addresses:
    /// let protocol = Instruction::packet_absolute(PacketSize::Half, 12);
    /// assert_eq!(protocol.to_string(), "r0 = *(u16 *)skb[12]");
    /// ```
    PacketSize {
        /// One byte.
        Byte "b" "u8",
        /// Two bytes, converted from network byte order.
        Half "h" "u16",
        /// Four bytes, converted from network byte order.
        Word "w" "u32",
    }
}
