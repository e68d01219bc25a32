//! Where the arguments of static probes are: the notes' texts, `-4@%edi 8@-8(%rbp) 4@$5`.

use crate::context::UsdtArgumentSpec;
use bytemuck::Zeroable;
use object::Architecture;

/// An argument of a static probe.
///
/// ```
/// use ebpf_rt::programs::UsdtPoint;
///
/// # kernel_test::example!();
/// # kernel_test::handle_request(1);
/// let place = &UsdtPoint::new("/proc/self/exe", "ebpf_rt", "request").places()?[0];
/// let first = &place.arguments[0];
/// assert!(matches!(first.size, 1 | 2 | 4 | 8));
/// println!("{}: {} bytes", first.text, first.size);
/// // As a program reads about it in an array:
/// println!("{:?}", first.spec());
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct UsdtArgument {
    /// What the note says: `-4@%edi`.
    pub text: String,
    /// Its bytes: 1, 2, 4 or 8.
    pub size: u8,
    /// Whether it is a number with a sign.
    pub is_signed: bool,
    /// Where it is when the probe is hit.
    pub location: UsdtLocation,
}

/// Where an argument of a static probe is when the probe is hit.
///
/// Registers are given as offsets in the program's context
/// ([`pt_regs`](crate::context::pt_regs)).
///
/// ```
/// use ebpf_rt::programs::{UsdtLocation, UsdtPoint};
///
/// # kernel_test::example!();
/// # kernel_test::handle_request(1);
/// for argument in &UsdtPoint::new("/proc/self/exe", "ebpf_rt", "request").places()?[0].arguments {
///     match argument.location {
///         UsdtLocation::Constant(number) => println!("always {number}"),
///         UsdtLocation::Register { .. } => println!("in a register"),
///         _ => println!("{}", argument.text),
///     }
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum UsdtLocation {
    /// Nowhere: it is always this number.
    Constant(i64),
    /// In a register.
    Register {
        /// Where the argument's first byte is in the context.
        offset: u16,
    },
    /// In the memory of the process: at `displacement` plus the registers.
    Memory {
        /// A register with an address, if there is one.
        base: Option<u16>,
        /// A register with a number, and how far to the left it is shifted.
        index: Option<(u16, u8)>,
        /// What is added.
        displacement: i64,
    },
    /// In a place that this library has no words for: a floating-point register, or on an
    /// architecture beside x86-64 and arm64.
    Unknown,
}

impl UsdtArgument {
    /// The argument as a program reads about it.
    #[must_use]
    pub fn spec(&self) -> UsdtArgumentSpec {
        let mut spec = UsdtArgumentSpec {
            base: UsdtArgumentSpec::NO_REGISTER,
            index: UsdtArgumentSpec::NO_REGISTER,
            size: self.size,
            is_signed: self.is_signed.into(),
            ..UsdtArgumentSpec::zeroed()
        };
        match self.location {
            UsdtLocation::Constant(value) => spec.displacement = value,
            UsdtLocation::Register { offset } => spec.base = offset,
            UsdtLocation::Memory {
                base,
                index,
                displacement,
            } => {
                spec.is_memory = 1;
                spec.displacement = displacement;
                spec.base = base.unwrap_or(UsdtArgumentSpec::NO_REGISTER);
                if let Some((index, shift)) = index {
                    (spec.index, spec.index_shift) = (index, shift);
                }
            }
            UsdtLocation::Unknown => spec.size = 0,
        }
        spec
    }
}

/// What is known about the file that the texts are from.
pub(super) struct Surroundings<'a> {
    pub(super) architecture: Architecture,
    /// The address of the probe.
    pub(super) probe: u64,
    /// The address of a symbol.
    pub(super) symbol: &'a dyn Fn(&str) -> Option<u64>,
}

/// Reads the texts of all arguments.
pub(super) fn parse(texts: &str, file: &Surroundings<'_>) -> Vec<UsdtArgument> {
    split(texts).map(|text| argument(text, file)).collect()
}

/// At spaces, but not inside brackets: `4@x0 -4@[sp, 12]`.
fn split(texts: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    texts
        .split(move |c: char| {
            match c {
                '[' | '(' => depth += 1,
                ']' | ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && c.is_ascii_whitespace()
        })
        .filter(|text| !text.is_empty())
}

fn argument(text: &str, file: &Surroundings<'_>) -> UsdtArgument {
    // Without a size it is as large as a register.
    let (size, operand) = text.split_once('@').unwrap_or(("8", text));
    let (is_signed, digits) = match size.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, size),
    };
    let bytes = digits.parse().ok().filter(|n| matches!(n, 1 | 2 | 4 | 8));
    let location = bytes.and_then(|_: u8| match file.architecture {
        Architecture::X86_64 => x86_64::location(operand, file),
        Architecture::Aarch64 => aarch64::location(operand),
        _ => None,
    });
    UsdtArgument {
        text: text.to_owned(),
        size: bytes.unwrap_or(0),
        is_signed,
        location: location.unwrap_or(UsdtLocation::Unknown),
    }
}

/// `-12`, `0x1f`
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        // `+` and `-` are not digits.
        None if digits.starts_with(|c: char| c.is_ascii_digit()) => digits.parse().ok()?,
        None => return None,
    };
    match negative {
        true => 0_i64.checked_sub_unsigned(value),
        // A register's worth of bits.
        false => Some(value.cast_signed()),
    }
}

mod x86_64 {
    use super::{Surroundings, UsdtLocation, number};

    /// In the order of `struct pt_regs`, with the names of all widths, the whole first.
    const REGISTERS: &[(&str, &[&str])] = &[
        ("r15", &["r15d", "r15w", "r15b"]),
        ("r14", &["r14d", "r14w", "r14b"]),
        ("r13", &["r13d", "r13w", "r13b"]),
        ("r12", &["r12d", "r12w", "r12b"]),
        ("rbp", &["ebp", "bp", "bpl"]),
        ("rbx", &["ebx", "bx", "bl"]),
        ("r11", &["r11d", "r11w", "r11b"]),
        ("r10", &["r10d", "r10w", "r10b"]),
        ("r9", &["r9d", "r9w", "r9b"]),
        ("r8", &["r8d", "r8w", "r8b"]),
        ("rax", &["eax", "ax", "al"]),
        ("rcx", &["ecx", "cx", "cl"]),
        ("rdx", &["edx", "dx", "dl"]),
        ("rsi", &["esi", "si", "sil"]),
        ("rdi", &["edi", "di", "dil"]),
        ("orig_rax", &[]),
        ("rip", &["eip", "ip"]),
        ("cs", &[]),
        ("eflags", &[]),
        ("rsp", &["esp", "sp", "spl"]),
    ];

    fn register(name: &str) -> Option<u16> {
        let at = REGISTERS
            .iter()
            .position(|(whole, parts)| *whole == name || parts.contains(&name));
        let second_byte = || {
            let at = REGISTERS.iter().position(|(_, parts)| {
                let low = parts.last().and_then(|low| low.strip_suffix('l'));
                low.is_some_and(|letter| {
                    letter.len() == 1 && name.strip_suffix('h') == Some(letter)
                })
            })?;
            Some(u16::try_from(at).ok()? * 8 + 1)
        };
        match at {
            Some(at) => Some(u16::try_from(at).ok()? * 8),
            None => second_byte(),
        }
    }

    /// `$5`, `%edi`, `-8(%rbp)`, `16(%rax,%rbx,8)`, `name+4(%rip)`
    pub(super) fn location(operand: &str, file: &Surroundings<'_>) -> Option<UsdtLocation> {
        if let Some(constant) = operand.strip_prefix('$') {
            return number(constant).map(UsdtLocation::Constant);
        }
        if let Some(name) = operand.strip_prefix('%') {
            return register(name).map(|offset| UsdtLocation::Register { offset });
        }
        let (displacement, inside) = operand.strip_suffix(')')?.split_once('(')?;
        let mut parts = inside.split(',').map(str::trim);
        let mut next = || match parts.next() {
            None | Some("") => Some(None),
            Some(name) => register(name.strip_prefix('%')?).map(Some),
        };
        let (base, index) = (next()?, next()?);
        let shift = match parts.next() {
            None | Some("1") => 0,
            Some("2") => 1,
            Some("4") => 2,
            Some("8") => 3,
            Some(_) => return None,
        };
        if parts.next().is_some() || base.is_none() && index.is_none() {
            return None;
        }
        let displacement = match displacement {
            "" => 0,
            text => match number(text) {
                Some(number) => number,
                None => from_here(text, base, file)?,
            },
        };
        Some(UsdtLocation::Memory {
            base,
            index: index.map(|index| (index, shift)),
            displacement,
        })
    }

    /// `name`, `name+4`, `4+name`: how far from the probe, whose address is in `rip`.
    fn from_here(text: &str, base: Option<u16>, file: &Surroundings<'_>) -> Option<i64> {
        if base != register("rip") {
            return None;
        }
        let (mut sign, text) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let mut sum = 0_i64;
        let mut name = None;
        for part in text.split_inclusive(['+', '-']) {
            let (term, next) = match part.strip_suffix('-') {
                Some(term) => (term, -1),
                None => (part.strip_suffix('+').unwrap_or(part), 1),
            };
            match number(term) {
                Some(value) => sum = sum.checked_add(value.checked_mul(sign)?)?,
                None if name.is_none() && sign == 1 && !term.is_empty() => name = Some(term),
                None => return None,
            }
            sign = next;
        }
        let address = (file.symbol)(name?)?;
        let distance = address.wrapping_sub(file.probe).cast_signed();
        distance.checked_add(sum)
    }

    #[cfg(all(test, target_arch = "x86_64"))]
    #[test]
    fn registers_are_the_contexts() {
        use crate::context::pt_regs;
        use core::mem::offset_of;
        for (name, offset) in [
            ("r15", offset_of!(pt_regs, r15)),
            ("ebp", offset_of!(pt_regs, rbp)),
            ("bl", offset_of!(pt_regs, rbx)),
            ("ah", offset_of!(pt_regs, rax) + 1),
            ("dh", offset_of!(pt_regs, rdx) + 1),
            ("sil", offset_of!(pt_regs, rsi)),
            ("rdi", offset_of!(pt_regs, rdi)),
            ("rip", offset_of!(pt_regs, rip)),
            ("rsp", offset_of!(pt_regs, rsp)),
        ] {
            assert_eq!(register(name).map(usize::from), Some(offset), "{name}");
        }
        for name in ["", "xmm0", "sih", "r8h", "h", "r16"] {
            assert_eq!(register(name), None, "{name}");
        }
    }
}

mod aarch64 {
    use super::{UsdtLocation, number};

    /// `x0`, `w0`, `sp`: in `struct user_pt_regs`.
    fn register(name: &str) -> Option<u16> {
        if matches!(name, "sp" | "wsp") {
            return Some(31 * 8);
        }
        let digits = name.strip_prefix(['x', 'w'])?;
        let number: u16 = digits.parse().ok().filter(|&number| number < 31)?;
        digits
            .starts_with(|c: char| c.is_ascii_digit())
            .then_some(number * 8)
    }

    /// `5`, `x0`, `[sp, 12]`, `[x0, x1]`, `[x0, x1, lsl 3]`
    pub(super) fn location(operand: &str) -> Option<UsdtLocation> {
        let plain = |text: &str| number(text.strip_prefix('#').unwrap_or(text));
        if let Some(constant) = plain(operand) {
            return Some(UsdtLocation::Constant(constant));
        }
        if let Some(offset) = register(operand) {
            return Some(UsdtLocation::Register { offset });
        }
        let inside = operand.strip_prefix('[')?.strip_suffix(']')?;
        let mut parts = inside.split(',').map(str::trim);
        let base = Some(register(parts.next()?)?);
        let (second, third) = (parts.next(), parts.next());
        let (index, displacement) = match (second, second.and_then(plain)) {
            (None, _) => (None, 0),
            (Some(_), Some(displacement)) if third.is_none() => (None, displacement),
            (Some(name), None) if name.starts_with('x') => {
                let shift = match third {
                    None => 0,
                    Some(shift) => plain(shift.strip_prefix("lsl")?.trim())?,
                };
                let shift = u8::try_from(shift).ok().filter(|&shift| shift <= 3)?;
                (Some((register(name)?, shift)), 0)
            }
            _ => return None,
        };
        parts.next().is_none().then_some(UsdtLocation::Memory {
            base,
            index,
            displacement,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use UsdtLocation::{Constant, Memory, Register, Unknown};

    fn read(architecture: Architecture, texts: &str) -> Vec<(u8, bool, UsdtLocation)> {
        let file = Surroundings {
            architecture,
            probe: 0x2000,
            symbol: &|name| (name == "counter").then_some(0x5010),
        };
        parse(texts, &file)
            .into_iter()
            .map(|argument| (argument.size, argument.is_signed, argument.location))
            .collect()
    }

    const fn memory(base: u16, displacement: i64) -> UsdtLocation {
        Memory {
            base: Some(base),
            index: None,
            displacement,
        }
    }

    #[test]
    fn x86_64_forms() {
        let (rdi, rbp, rax, rbx, rip) = (112, 32, 80, 40, 128);
        let indexed = |base, index, shift, displacement| Memory {
            base,
            index: Some((index, shift)),
            displacement,
        };
        let read = |texts| read(Architecture::X86_64, texts);
        assert_eq!(
            read("-4@%edi 8@-8(%rbp) 4@$5 -1@$-1 8@(%rax) 2@%bx"),
            [
                (4, true, Register { offset: rdi }),
                (8, false, memory(rbp, -8)),
                (4, false, Constant(5)),
                (1, true, Constant(-1)),
                (8, false, memory(rax, 0)),
                (2, false, Register { offset: rbx }),
            ]
        );
        assert_eq!(
            read("1@%ah 8@16(%rax,%rbx,8) 4@(%rax,%rbx) 4@8(,%rbx,4) 8@counter(%rip) %rax"),
            [
                (1, false, Register { offset: rax + 1 }),
                (8, false, indexed(Some(rax), rbx, 3, 16)),
                (4, false, indexed(Some(rax), rbx, 0, 0)),
                (4, false, indexed(None, rbx, 2, 8)),
                (8, false, memory(rip, 0x3010)),
                (8, false, Register { offset: rax }),
            ]
        );
        for (text, distance) in [
            ("counter+4(%rip)", 0x3014),
            ("4+counter(%rip)", 0x3014),
            ("counter-16(%rip)", 0x3000),
            ("-8+counter(%rip)", 0x3008),
            ("0x10(%rip)", 0x10),
        ] {
            assert_eq!(read(text), [(8, false, memory(rip, distance))], "{text}");
        }
    }

    #[test]
    fn aarch64_forms() {
        let indexed = |base, index, shift| Memory {
            base: Some(base),
            index: Some((index, shift)),
            displacement: 0,
        };
        assert_eq!(
            read(
                Architecture::Aarch64,
                "8@x0 -4@w30 -4@5 8@[sp] -4@[sp, 12] 8@[x29, -24] 8@[x0, x1] 4@[x2, x3, lsl 2] 8@#7"
            ),
            [
                (8, false, Register { offset: 0 }),
                (4, true, Register { offset: 240 }),
                (4, true, Constant(5)),
                (8, false, memory(248, 0)),
                (4, true, memory(248, 12)),
                (8, false, memory(232, -24)),
                (8, false, indexed(0, 8, 0)),
                (4, false, indexed(16, 24, 2)),
                (8, false, Constant(7)),
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_unknown_and_counts() {
        for (architecture, texts) in [
            (
                Architecture::X86_64,
                "8f@%xmm0 8@other(%rip) 8@counter(%rbx) 8@counter 16@%rax 8@1(%rax,%rbx,3) 8@ 8@() \
                 8@(%rax 8@$ 8@$x 8@% 8@counter-counter(%rip) 8@+(%rip)",
            ),
            (
                Architecture::Aarch64,
                "8@d0 8@x31 8@[x0,w1] 8@[x0,x1,lsl] 8@[x0,x1,lsl,3] 8@[] 8@[x0 8@x+1 8@[x0,8,9]",
            ),
            (Architecture::Riscv64, "8@a0 -4@8(sp)"),
        ] {
            let found = read(architecture, texts);
            let count = split(texts).count();
            assert_eq!(found.len(), count);
            for ((_, _, location), text) in found.iter().zip(split(texts)) {
                assert_eq!(*location, Unknown, "{text}");
            }
        }
        assert_eq!(read(Architecture::X86_64, "  ").len(), 0);
    }

    #[test]
    fn no_text_is_a_panic() {
        let whole = "-4@%edi 8@-8(%rbp,%rax,4) 4@counter+4(%rip) -4@[sp, 12] 8@[x0, x1, lsl 3] é";
        for architecture in [Architecture::X86_64, Architecture::Aarch64] {
            for (start, _) in whole.char_indices() {
                for (end, _) in whole.char_indices().filter(|(end, _)| *end >= start) {
                    read(architecture, &whole[start..end]);
                }
            }
            read(
                architecture,
                "8@-9223372036854775809 8@$0xffffffffffffffffff 8@$-0x8000000000000000",
            );
        }
    }
}
