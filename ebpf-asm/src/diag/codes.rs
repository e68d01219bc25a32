//! The list of diagnostic codes. A code is never given a second meaning.

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $code:literal $title:literal),* $(,)?) => {
        /// What is wrong, as a stable code: `BPF0013`.
        ///
        /// ```
        /// use ebpf_asm::diag::Rule;
        ///
        /// assert_eq!(Rule::NoSuchRegister.to_string(), "BPF0013");
        /// assert_eq!(Rule::NoSuchRegister, "BPF0013");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum Rule {
            $($(#[$doc])* #[doc = $title] $variant = $number,)*
        }

        impl Rule {
            /// All codes, in order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// What the code stands for, in a few words.
            ///
            /// ```
            /// use ebpf_asm::diag::Rule;
            ///
            /// let rule = Rule::parse("bpf33").unwrap();
            /// assert_eq!(rule.as_str(), "BPF0033");
            /// println!("{rule}: {}", rule.title());
            /// ```
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it means, with an example and its cure: Markdown.
            ///
            /// ```
            /// use ebpf_asm::diag::Rule;
            ///
            /// let rule = Rule::parse("BPF0013").unwrap();
            /// assert!(rule.explanation().contains("r0"));
            /// ```
            #[cfg(feature = "explain")]
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("explain/", $code, ".md")),)* }
            }

            /// The code that prints as this, in any case: `BPF0013`, `bpf13` or `13`.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let digits = match text.get(..3) {
                    Some(prefix) if prefix.eq_ignore_ascii_case("BPF") => &text[3..],
                    _ => text,
                };
                let number: u16 = digits.parse().ok()?;
                Self::ALL.iter().copied().find(|rule| *rule as u16 == number)
            }

            /// The code as it is printed: `BPF0013`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

codes! {
    InvalidCharacter = 1 "BPF0001" "a character that no token begins with",
    Unterminated = 2 "BPF0002" "a comment or literal that does not end",
    LeadingZero = 3 "BPF0003" "a decimal number with a leading zero",
    NumberSuffix = 4 "BPF0004" "a number with a suffix",
    MalformedNumber = 5 "BPF0005" "something that looks like a number and is none",
    UnexpectedToken = 10 "BPF0010" "a token that does not belong here",
    MissingSemicolon = 11 "BPF0011" "two instructions without `;` between them",
    UnknownInstruction = 12 "BPF0012" "a word that is no instruction",
    NoSuchRegister = 13 "BPF0013" "a register that the machine does not have",
    UpperCase = 14 "BPF0014" "a register or mnemonic in upper case",
    MixedWidths = 15 "BPF0015" "32-bit and 64-bit operands in one instruction",
    TiedOperand = 16 "BPF0016" "operands that must be the same register and are not",
    ReservedName = 17 "BPF0017" "a name that the language uses itself",
    UnknownSize = 18 "BPF0018" "a memory access of an impossible size",
    WriteToFramePointer = 20 "BPF0020" "a write to `r10`",
    ImmediateRange = 21 "BPF0021" "a constant that does not fit the instruction",
    AmbiguousImmediate = 22 "BPF0022" "a constant that sign extension would change",
    OffsetRange = 23 "BPF0023" "an offset that does not fit 16 bits",
    ShiftRange = 24 "BPF0024" "a shift by the width of the operand or more",
    DivisionByZero = 25 "BPF0025" "a division by the constant zero",
    JumpTarget = 26 "BPF0026" "a jump to where no instruction begins",
    JumpRange = 27 "BPF0027" "a jump that is too far for the instruction",
    ConstantExpression = 29 "BPF0029" "a constant expression that has no value",
    UndefinedLabel = 30 "BPF0030" "a label that is not defined",
    DuplicateLabel = 31 "BPF0031" "a label that is defined twice",
    UnusedLabel = 32 "BPF0032" "a label that nothing jumps to",
    UnknownFunction = 33 "BPF0033" "a call of something that does not exist",
    AmbiguousName = 34 "BPF0034" "a name that stands for two things",
    UnknownSymbol = 35 "BPF0035" "a symbol that does not exist",
    UnknownConstant = 36 "BPF0036" "a constant that does not exist",
    DuplicateItem = 37 "BPF0037" "a name that is defined twice",
    WrongKindOfSymbol = 38 "BPF0038" "a name that cannot be used in this place",
    FallsOffTheEnd = 40 "BPF0040" "a function whose last instruction runs on",
    EmptyFunction = 41 "BPF0041" "a function without instructions",
    Recursion = 42 "BPF0042" "a function that reaches itself",
    CallDepth = 43 "BPF0043" "calls that are nested too deeply",
    StackSize = 44 "BPF0044" "functions that need more stack than there is",
    Callback = 45 "BPF0045" "a function that cannot be the callback it is used as",
    Pasting = 46 "BPF0046" "an `#[inline]` function that cannot be pasted",
    UnknownItem = 50 "BPF0050" "an item that does not belong into an object",
    MissingLicense = 51 "BPF0051" "an object without a licence",
    UnknownAttribute = 52 "BPF0052" "an attribute that the item cannot have",
    AttributeArguments = 53 "BPF0053" "an attribute with wrong arguments",
    ConditionalCompilation = 54 "BPF0054" "`cfg` where the layout has to be fixed",
    Generics = 55 "BPF0055" "a generic item",
    InvalidName = 56 "BPF0056" "a name that the kernel does not take",
    ConstantType = 57 "BPF0057" "a load-time constant of an impossible type",
    Signature = 58 "BPF0058" "a function signature that the kernel cannot call",
    NeedsNewerKernel = 60 "BPF0060" "something that the oldest supported kernel lacks",
    UnreadableListing = 70 "BPF0070" "a line of a listing that cannot be read",
    UnreachableInstruction = 100 "BPF0100" "an instruction that no path reaches",
    InvalidInstruction = 103 "BPF0103" "bytes that no kernel takes for an instruction",
    EndlessLoop = 104 "BPF0104" "a loop that never ends",
    UnwrittenRegister = 110 "BPF0110" "a register that holds nothing when it is read",
    NotAPointer = 111 "BPF0111" "a memory access through a number",
    PossiblyNull = 112 "BPF0112" "a pointer that may be null and was not compared with it",
    StackBounds = 113 "BPF0113" "an access outside of the stack frame",
    MapValueBounds = 114 "BPF0114" "an access outside of a map's value",
    PacketBounds = 115 "BPF0115" "an access outside of the packet",
    MemoryBounds = 116 "BPF0116" "an access outside of a piece of memory",
    ContextAccess = 117 "BPF0117" "an access to what the context does not have",
    ModifiedContext = 118 "BPF0118" "a context pointer that was changed",
    ForbiddenAccess = 119 "BPF0119" "a read or write of memory that does not allow it",
    PointerArithmetic = 120 "BPF0120" "arithmetic that pointers do not have",
    PointerOffset = 121 "BPF0121" "an offset that no pointer may have",
    MisalignedAccess = 122 "BPF0122" "an access that is not aligned to its size",
    PartialPointer = 123 "BPF0123" "a part of a pointer that was saved on the stack",
    AtomicTarget = 124 "BPF0124" "an atomic operation on memory that has none",
    MixedPointers = 125 "BPF0125" "one instruction for pointers of different kinds",
    StalePointer = 126 "BPF0126" "a pointer to what is gone",
    ArgumentKind = 130 "BPF0130" "an argument of a kind that the helper does not take",
    ArgumentSize = 131 "BPF0131" "a size that the helper does not take",
    HelperUnavailable = 132 "BPF0132" "a helper that programs of this type do not have",
    HelperLicense = 133 "BPF0133" "a helper for programs under the GPL only",
    MapKind = 134 "BPF0134" "a helper that does not work on maps of this kind",
    ReferenceLeak = 140 "BPF0140" "a reference that is not given back",
    NotAReference = 141 "BPF0141" "a release of what was not acquired",
    ReturnRange = 142 "BPF0142" "a return value that the hook does not take",
    PacketLoad = 143 "BPF0143" "a legacy packet load where there is no packet",
    SpinLock = 144 "BPF0144" "a spin lock that is not let go of as it should be",
    MayBeNegative = 200 "BPF0200" "a number that may be negative, as far as kernels know",
    NoUpperBound = 201 "BPF0201" "a number without an upper bound that kernels know",
    MayLeaveMemory = 202 "BPF0202" "an access that may leave a piece of memory, as far as kernels know",
    MayBeZero = 203 "BPF0203" "a size that may be zero, as far as kernels know",
    MayLeaveStack = 204 "BPF0204" "an access that may leave the stack, as far as kernels know",
    PointerTooFar = 205 "BPF0205" "arithmetic that may lead a pointer too far, as far as kernels know",
    PacketNotCovered = 206 "BPF0206" "an access to the packet that a comparison does not cover on some path",
    MayStillBeNull = 207 "BPF0207" "a pointer that is not compared with null on some path",
    TooComplex = 208 "BPF0208" "a program that kernels do not look at to the end",
    MayBeUnwritten = 209 "BPF0209" "a register that holds nothing on some path",
    MayBeNumber = 210 "BPF0210" "a pointer that is a number on some path",
    MayNotEnd = 211 "BPF0211" "a loop that may go round without any change",
    MayReturnOutside = 212 "BPF0212" "a return value that the hook may not take, as far as kernels know",
    MayLeak = 213 "BPF0213" "a reference that is not given back on some path",
    MayBeMisaligned = 214 "BPF0214" "an access to the stack that may not be aligned, as far as kernels know",
    StackNotWritten = 215 "BPF0215" "a read of the stack where nothing was written on some path",
}
