//! The eleven registers.

use core::fmt;

macro_rules! registers {
    ($($(#[$doc:meta])* $variant:ident = $index:literal),* $(,)?) => {
        /// A register of the eBPF machine, as an operand: `r0` to `r10` (or `w0` to `w10` for
        /// its lower half; the width belongs to the instruction).
        ///
        /// There is no `r11`: a register that the machine does not have cannot be written down.
        ///
        /// ```
        /// use ebpf_asm::isa::Register;
        ///
        /// assert_eq!(Register::from_index(10), Some(Register::R10));
        /// assert_eq!(Register::from_index(11), None);
        /// assert_eq!(Register::R6.to_string(), "r6");
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Register {
            $($(#[$doc])* $variant = $index,)*
        }

        impl Register {
            /// All registers, in order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The register with this number, 0 to 10; `None` for the numbers that a
            /// four-bit field could also hold.
            #[must_use]
            pub const fn from_index(index: u8) -> Option<Self> {
                match index {
                    $($index => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

registers! {
    /// Return value of functions and helpers, and the exit value of a program.
    #[default]
    #[doc(alias = "BPF_REG_0")]
    R0 = 0,
    /// First argument; at entry the context. Lost in calls.
    #[doc(alias = "BPF_REG_1")]
    R1 = 1,
    /// Second argument. Lost in calls.
    #[doc(alias = "BPF_REG_2")]
    R2 = 2,
    /// Third argument. Lost in calls.
    #[doc(alias = "BPF_REG_3")]
    R3 = 3,
    /// Fourth argument. Lost in calls.
    #[doc(alias = "BPF_REG_4")]
    R4 = 4,
    /// Fifth argument. Lost in calls.
    #[doc(alias = "BPF_REG_5")]
    R5 = 5,
    /// Kept across calls.
    #[doc(alias = "BPF_REG_6")]
    R6 = 6,
    /// Kept across calls.
    #[doc(alias = "BPF_REG_7")]
    R7 = 7,
    /// Kept across calls.
    #[doc(alias = "BPF_REG_8")]
    R8 = 8,
    /// Kept across calls.
    #[doc(alias = "BPF_REG_9")]
    R9 = 9,
    /// The frame pointer: the end of 512 bytes of stack. Read-only.
    #[doc(alias = "BPF_REG_10")]
    #[doc(alias = "BPF_REG_FP")]
    R10 = 10,
}

impl Register {
    /// The register's number, 0 to 10.
    #[must_use]
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The name of the lower half as 32-bit instructions write it: `w3`.
    ///
    /// ```
    /// use ebpf_asm::isa::Register;
    ///
    /// let counter = Register::R3;
    /// assert_eq!((counter.name(), counter.word_name(), counter.index()), ("r3", "w3", 3));
    /// ```
    #[must_use]
    pub const fn word_name(self) -> &'static str {
        const NAMES: [&str; 11] = [
            "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "w10",
        ];
        NAMES[self as usize]
    }

    /// The name of the whole register: `r3`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        const NAMES: [&str; 11] = [
            "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10",
        ];
        NAMES[self as usize]
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
