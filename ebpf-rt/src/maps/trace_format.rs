//! Formats of `bpf_trace_printk`.

use super::flags::BPF_F_RDONLY_PROG;
#[cfg(feature = "std")]
use super::{RawMap, handle_impls};
#[cfg(feature = "std")]
use crate::Error;
use core::ffi::CStr;
use core::marker::PhantomData;
use ebpf_asm::MapType;
use ebpf_asm::object::MapDef;

/// A format of `bpf_trace_printk`, as read-only data: its address is the helper's first
/// argument, [`size`](TraceFormatDef::size) the second, and up to three values follow. `A` is a
/// tuple of their types. What the helper prints is read by
/// [`TracePipe`](crate::trace_pipe::TracePipe).
///
/// The format is checked where it is defined: the conversions against `A`, and against what
/// every kernel since 5.10 accepts. A helper that gets another format prints nothing and
/// returns `-EINVAL`, which is seldom looked at.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{TraceFormat, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]      // bpf_trace_printk asks for it
///     mod hello {
///         static HELLO: TraceFormat<(u32,)> = TraceFormat::new(c"Hello from process %u");
///
///         #[raw_tracepoint("sched_process_exec")]
///         fn greet(ctx: *mut c_void) -> i32 {
///             call bpf_get_current_pid_tgid;
///             r0 >>= 32;
///             r1 = HELLO ll;
///             r2 = {HELLO.size()};
///             r3 = r0;
///             call bpf_trace_printk;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
/// # fn main() {}
/// ```
///
/// # Conversions
/// | conversion | type |
/// |---|---|
/// | `%d` `%i` | `i32` or smaller |
/// | `%u` | `u32` or smaller |
/// | `%x` | any integer of up to 32 bits |
/// | `%ld` `%li` | `isize`, and `i64` where that is as wide |
/// | `%lu` | `usize`, and `u64` where that is as wide |
/// | `%lx` | any integer as wide as `usize` |
/// | `%lld` `%lli`, `%llu`, `%llx` | `i64`, `u64`, either |
/// | `%p` | any pointer: a number that stands for it, not the address |
/// | `%pB` | any pointer: the name of the kernel's function there |
/// | `%s` `%pks` `%pus` | a pointer to bytes: a text of the kernel or of the process; `%pks` and `%pus` say which. One in a format, and what follows it is no letter or digit |
///
/// Other conversions, widths and `%%` are for later kernels only, and refused.
#[doc(alias = "bpf_trace_printk")]
#[doc(alias = "bpf_printk")]
pub struct TraceFormat<A> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn() -> A>,
}

/// The definition of a [`TraceFormat`].
///
/// ```
/// use ebpf_rt::maps::{TraceFormat, TraceFormatDef};
///
/// static HELLO: TraceFormatDef<(u32,)> = TraceFormat::new(c"process %u");
/// assert_eq!(HELLO.size(), 11);                   // with the NUL
/// assert_eq!(HELLO.text(), c"process %u");
/// assert_eq!(HELLO.map_def("HELLO").value_size, 11);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TraceFormatDef<A> {
    text: &'static CStr,
    types: PhantomData<fn() -> A>,
}

impl<A: TraceArguments> TraceFormat<A> {
    /// The definition of a format.
    ///
    /// # Panics
    /// If the kernel would refuse the format, or the conversions do not fit the types: in const
    /// evaluation a compile error.
    ///
    /// ```compile_fail,E0080
    /// use ebpf_rt::maps::{TraceFormat, TraceFormatDef};
    ///
    /// // Two conversions, one argument.
    /// static HELLO: TraceFormatDef<(u32,)> = TraceFormat::new(c"%u called %u");
    /// ```
    ///
    /// ```compile_fail,E0080
    /// use ebpf_rt::maps::{TraceFormat, TraceFormatDef};
    ///
    /// // The upper half of the argument would be lost.
    /// static HELLO: TraceFormatDef<(u64,)> = TraceFormat::new(c"at %u");
    /// ```
    #[must_use]
    #[track_caller]
    #[expect(
        clippy::new_ret_no_self,
        reason = "definition and handle are two types"
    )]
    pub const fn new(format: &'static CStr) -> TraceFormatDef<A> {
        check(format.to_bytes(), A::KINDS);
        TraceFormatDef {
            text: format,
            types: PhantomData,
        }
    }
}

impl<A> TraceFormatDef<A> {
    /// The bytes of the format with the NUL: the helper's second argument.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.text.to_bytes_with_nul().len()
    }

    /// The format.
    #[must_use]
    pub const fn text(&self) -> &'static CStr {
        self.text
    }

    /// The map as the loader wants it, under this name.
    #[must_use]
    pub const fn map_def(&'static self, name: &'static str) -> MapDef {
        let bytes = self.text.to_bytes_with_nul();
        MapDef::new(name, MapType::Array, 4, bytes.len() as u32, 1)
            .global()
            .with_flags(BPF_F_RDONLY_PROG)
            .with_initial(bytes)
            .frozen()
    }
}

impl<A> super::Map for TraceFormat<A> {
    type Definition = TraceFormatDef<A>;
    type Key = ();
    type Value = ();

    #[cfg(feature = "std")]
    fn from_raw(raw: RawMap) -> Result<Self, Error> {
        let size = raw.value_size() as usize;
        Ok(Self {
            raw: raw.expect_sizes(MapType::Array, 4, size)?,
            types: PhantomData,
        })
    }

    #[cfg(feature = "std")]
    fn as_raw(&self) -> &RawMap {
        &self.raw
    }
}

#[cfg(feature = "std")]
handle_impls!([A] TraceFormat<A>);

/// What an argument is, as far as conversions care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Kind {
    /// An integer of so many bytes.
    Integer { bytes: usize, signed: bool },
    /// A pointer; to bytes or to something else.
    Pointer { to_bytes: bool },
}

/// What `bpf_trace_printk` can print: integers of up to 64 bits, and pointers.
///
/// ```
/// use ebpf_rt::maps::{TraceArgument, TraceFormat, TraceFormatDef};
///
/// /// What a format with one conversion needs for a type.
/// const fn one<T: TraceArgument>(format: &'static core::ffi::CStr) -> TraceFormatDef<(T,)> {
///     TraceFormat::new(format)
/// }
///
/// static SIGNED: TraceFormatDef<(i32,)> = one(c"%d");
/// static POINTER: TraceFormatDef<(*const u8,)> = one(c"%p");
/// assert_eq!(SIGNED.size(), POINTER.size());
/// ```
#[diagnostic::on_unimplemented(
    message = "`bpf_trace_printk` cannot print `{Self}`",
    label = "neither an integer of up to 64 bits nor a pointer"
)]
pub trait TraceArgument: argument::Sealed {
    #[doc(hidden)]
    const KIND: Kind;
}

/// The types of the arguments of a format: a tuple of at most three [`TraceArgument`]s.
///
/// ```
/// use ebpf_rt::maps::{TraceArguments, TraceFormat, TraceFormatDef};
///
/// fn bytes<A: TraceArguments>(format: &TraceFormatDef<A>) -> usize {
///     format.size()
/// }
///
/// static NONE: TraceFormatDef<()> = TraceFormat::new(c"here");
/// static THREE: TraceFormatDef<(u32, i32, *const u8)> = TraceFormat::new(c"%u %d %p");
/// assert_eq!((bytes(&NONE), bytes(&THREE)), (5, 9));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list of arguments of `bpf_trace_printk`",
    label = "not a tuple of at most three integers and pointers",
    note = "a tuple of one is written `(u32,)`; for more than three arguments there is `log_lines!`"
)]
pub trait TraceArguments: arguments::Sealed {
    #[doc(hidden)]
    const KINDS: &'static [Kind];
}

mod argument {
    pub trait Sealed {}
    impl<T> Sealed for *const T {}
    impl<T> Sealed for *mut T {}
}

mod arguments {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<A> Sealed for (A,) {}
    impl<A, B> Sealed for (A, B) {}
    impl<A, B, C> Sealed for (A, B, C) {}
}

macro_rules! integers {
    ($($ty:ty)*) => {
        $(
            impl argument::Sealed for $ty {}
            impl TraceArgument for $ty {
                const KIND: Kind = Kind::Integer {
                    bytes: size_of::<$ty>(),
                    signed: <$ty>::MIN != 0,
                };
            }
        )*
    };
}

integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl<T> TraceArgument for *const T {
    const KIND: Kind = Kind::Pointer {
        to_bytes: size_of::<T>() == 1,
    };
}

impl<T> TraceArgument for *mut T {
    const KIND: Kind = <*const T>::KIND;
}

impl TraceArguments for () {
    const KINDS: &'static [Kind] = &[];
}

impl<A: TraceArgument> TraceArguments for (A,) {
    const KINDS: &'static [Kind] = &[A::KIND];
}

impl<A: TraceArgument, B: TraceArgument> TraceArguments for (A, B) {
    const KINDS: &'static [Kind] = &[A::KIND, B::KIND];
}

impl<A: TraceArgument, B: TraceArgument, C: TraceArgument> TraceArguments for (A, B, C) {
    const KINDS: &'static [Kind] = &[A::KIND, B::KIND, C::KIND];
}

/// What a conversion prints.
#[derive(Clone, Copy)]
enum Conversion {
    /// An integer of so many bytes; hexadecimal numbers have no sign.
    Integer {
        bytes: usize,
        signed: Option<bool>,
    },
    Address,
    Text,
}

const ENDS: &str = "the format ends in the middle of a conversion";
const UNKNOWN: &str = "a conversion that Linux 5.10 does not know: it has %d %i %u %x, with l or \
    ll before the letter, %s, %p, %pB, %pks and %pus, and neither widths nor %%";

/// Checks a format as `bpf_trace_printk` of Linux 5.10 does, the strictest, and the types.
#[track_caller]
const fn check(format: &[u8], arguments: &[Kind]) {
    let (mut at, mut conversions, mut has_text) = (0, 0, false);
    while at < format.len() {
        let byte = format[at];
        let is_space = matches!(byte, b'\t'..=b'\r');
        assert!(
            is_space || matches!(byte, b' '..=b'~'),
            "the kernel takes printable ASCII only"
        );
        at += 1;
        if byte != b'%' {
            continue;
        }
        let (conversion, length) = conversion(format, at);
        at += length;
        assert!(
            conversions < arguments.len(),
            "the format has more conversions than there are arguments in its type"
        );
        if matches!(conversion, Conversion::Text) {
            assert!(!has_text, "Linux before 5.13 takes one %s in a format");
            has_text = true;
        }
        if matches!(conversion, Conversion::Text | Conversion::Address) && at < format.len() {
            assert!(
                !format[at].is_ascii_alphanumeric(),
                "the kernel reads a letter or digit behind %s or %p as a part of it: write a \
                 space between"
            );
        }
        fits(conversion, arguments[conversions]);
        conversions += 1;
    }
    assert!(
        conversions == arguments.len(),
        "the format has fewer conversions than there are arguments in its type"
    );
}

/// The conversion whose letters begin here, and how many they are.
#[track_caller]
const fn conversion(format: &[u8], at: usize) -> (Conversion, usize) {
    let (_, rest) = format.split_at(at);
    match rest {
        [b'p', b'k' | b'u', b's', ..] => (Conversion::Text, 3),
        [b'p', b'B', ..] => (Conversion::Address, 2),
        [b'p', ..] => (Conversion::Address, 1),
        [b's', ..] => (Conversion::Text, 1),
        [b'l', b'l', letter, ..] => (integer(8, *letter), 3),
        [b'l', b'l'] | [b'l'] | [] => panic!("{}", ENDS),
        [b'l', letter, ..] => (integer(size_of::<usize>(), *letter), 2),
        [letter, ..] => (integer(4, *letter), 1),
    }
}

#[track_caller]
const fn integer(bytes: usize, letter: u8) -> Conversion {
    let signed = match letter {
        b'd' | b'i' => Some(true),
        b'u' => Some(false),
        b'x' => None,
        _ => panic!("{}", UNKNOWN),
    };
    Conversion::Integer { bytes, signed }
}

/// Compiles if the conversion prints the whole argument as what it is.
#[track_caller]
const fn fits(conversion: Conversion, argument: Kind) {
    match (conversion, argument) {
        (
            Conversion::Integer { bytes, signed },
            Kind::Integer {
                bytes: has,
                signed: is,
            },
        ) => {
            let as_wide = match bytes {
                // Smaller ones are in a register of their own, extended as their type says.
                4 => has <= 4,
                _ => has == bytes,
            };
            assert!(
                as_wide,
                "the conversion prints another number of bits than the argument has: %d, %u and \
                 %x are for 32 bits and less, %lld, %llu and %llx for 64"
            );
            if let Some(signed) = signed {
                assert!(
                    signed == is,
                    "%d and %i are for signed integers, %u is for unsigned ones"
                );
            }
        }
        (Conversion::Address, Kind::Pointer { .. }) => {}
        (Conversion::Text, Kind::Pointer { to_bytes }) => assert!(
            to_bytes,
            "%s is for a pointer to bytes, such as `*const c_char`"
        ),
        (Conversion::Integer { .. }, Kind::Pointer { .. }) => {
            panic!("an integer's conversion for a pointer: write %p, or `u64` as the type")
        }
        (Conversion::Address | Conversion::Text, Kind::Integer { .. }) => {
            panic!("a pointer's conversion for an integer: write its type as `*const c_char`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ffi::{c_char, c_void};

    fn complaint<A: TraceArguments>(format: &'static CStr) -> String {
        match std::panic::catch_unwind(|| TraceFormat::<A>::new(format)) {
            Ok(_) => String::new(),
            Err(payload) => match payload.downcast::<String>() {
                Ok(text) => *text,
                Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
            },
        }
    }

    #[test]
    fn what_every_kernel_takes() {
        assert_eq!(complaint::<()>(c"no argument\t\n"), "");
        assert_eq!(complaint::<(i32, u16, u8)>(c"%d%u%x"), "");
        assert_eq!(complaint::<(i64, u64, i64)>(c"%lld %llu %llx"), "");
        assert_eq!(complaint::<(isize, usize, usize)>(c"%li %lu %lx"), "");
        assert_eq!(complaint::<(*const c_char, *mut u32)>(c"%s: %p"), "");
        assert_eq!(complaint::<(*const u8, *const c_void)>(c"%pus,%pB"), "");
        assert_eq!(complaint::<(*const i8,)>(c"(%pks)"), "");
    }

    #[test]
    fn what_it_refuses() {
        let refused = [
            (complaint::<(u32,)>(c"%08x"), "a conversion that"),
            (complaint::<()>(c"100%%"), "a conversion that"),
            (complaint::<(u32,)>(c"%c"), "a conversion that"),
            (complaint::<(u32,)>(c"%X"), "a conversion that"),
            (complaint::<(u32,)>(c"%"), "the format ends"),
            (complaint::<(u64,)>(c"%ll"), "the format ends"),
            (complaint::<()>(c"\xc3\xa4"), "the kernel takes printable"),
            (complaint::<()>(c"\x1b[2J"), "the kernel takes printable"),
            (
                complaint::<(*const u8, *const u8)>(c"%s %s"),
                "Linux before 5.13",
            ),
            (
                complaint::<(*const u8,)>(c"%sx"),
                "the kernel reads a letter",
            ),
            (
                complaint::<(*const u8,)>(c"%pI4"),
                "the kernel reads a letter",
            ),
        ];
        for (complaint, expected) in refused {
            assert!(complaint.starts_with(expected), "{expected}: {complaint:?}");
        }
    }

    #[test]
    fn what_does_not_fit_the_types() {
        let refused = [
            (complaint::<(u32,)>(c"%d"), "%d and %i are for signed"),
            (complaint::<(i32,)>(c"%u"), "%d and %i are for signed"),
            (complaint::<(u64,)>(c"%x"), "the conversion prints another"),
            (
                complaint::<(u32,)>(c"%llu"),
                "the conversion prints another",
            ),
            (complaint::<(u64,)>(c"%s"), "a pointer's conversion"),
            (
                complaint::<(*const u8,)>(c"%llx"),
                "an integer's conversion",
            ),
            (complaint::<(*const u32,)>(c"%s"), "%s is for a pointer"),
            (complaint::<()>(c"%d"), "the format has more"),
            (complaint::<(u32, u32)>(c"%u"), "the format has fewer"),
        ];
        for (complaint, expected) in refused {
            assert!(complaint.starts_with(expected), "{expected}: {complaint:?}");
        }
    }

    #[test]
    fn it_is_frozen_data_with_its_nul() {
        static HELLO: TraceFormatDef<(u32,)> = TraceFormat::new(c"Hello %u");
        let def = HELLO.map_def("HELLO");
        assert_eq!(def.initial, Some(&b"Hello %u\0"[..]));
        assert_eq!((def.value_size as usize, HELLO.size()), (9, 9));
        assert!(def.frozen && def.is_global);
    }
}
