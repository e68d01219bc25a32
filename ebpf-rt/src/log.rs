//! Log lines: programs hand over which line it is and its arguments, user space has the text.
//!
//! [`log_lines!`](crate::log_lines) defines the lines, [`Log`](crate::Log) brings them from the
//! kernel. For a quick look there is `bpf_trace_printk` ([`TraceFormat`](crate::TraceFormat),
//! [`trace_pipe`](crate::trace_pipe)), where the kernel makes the text: for root, with three
//! arguments, in one buffer for the whole machine, and under the GPL.
//!
//! ```
//! use ebpf_rt::log::{LogLine, Text};
//! use ebpf_rt::{bytemuck, log_lines};
//!
//! log_lines! {
//!     enum Line {
//!         #[log("process {pid} of {command} starts")]
//!         Exec { pid: u32, command: [u8; 8] },
//!     }
//! }
//!
//! // What a program writes into the ring buffer, and what becomes of it:
//! let record = Exec { line: Exec::LINE, pid: 7, command: *b"cat\0\0\0\0\0" };
//! let line = Line::from_record(bytemuck::bytes_of(&record)).unwrap();
//! assert_eq!(line.to_string(), "process 7 of cat starts");
//! ```

use core::fmt::{self, Write};

/// The lines of a [`Log`](crate::Log). [`log_lines!`](crate::log_lines) implements it.
///
/// ```
/// use ebpf_rt::log::LogLine;
/// use ebpf_rt::log_lines;
///
/// log_lines! {
///     enum Line {
///         #[log("process {pid} ends")]
///         Exit { pid: u32 },
///     }
/// }
///
/// /// Lines of a file of records, of any log.
/// fn show<L: LogLine>(record: &[u8]) -> Option<String> {
///     L::from_record(record).map(|line| line.to_string())
/// }
///
/// let record = [Exit::LINE.to_ne_bytes(), 7_u32.to_ne_bytes()].concat();
/// assert_eq!(show::<Line>(&record).as_deref(), Some("process 7 ends"));
/// assert_eq!(show::<Line>(&record[..4]), None);   // of another length
/// ```
pub trait LogLine: fmt::Display + Sized {
    /// The line of this record; `None` if it is none of these, or of another length.
    fn from_record(record: &[u8]) -> Option<Self>;
}

/// What a line can have as an argument: an integer, shown as one, or bytes (`[u8; N]`), shown
/// as the [`Text`] before the first zero.
///
/// For other plain old data that programs write, say here how it is shown.
///
/// ```
/// use ebpf_rt::log::LogArgument;
/// use ebpf_rt::{Pod, log_lines};
/// use std::net::Ipv4Addr;
///
/// /// An address as packets have it.
/// #[derive(Clone, Copy, Debug, Pod)]
/// #[repr(transparent)]
/// struct Address([u8; 4]);
///
/// impl LogArgument for Address {
///     type Shown<'a> = Ipv4Addr;
///
///     fn shown(&self) -> Ipv4Addr {
///         self.0.into()
///     }
/// }
///
/// log_lines! {
///     enum Line {
///         #[log("{from} connects")]
///         Connect { from: Address },
///     }
/// }
///
/// let line = Line::Connect(Connect { line: Connect::LINE, from: Address([127, 0, 0, 1]) });
/// assert_eq!(line.to_string(), "127.0.0.1 connects");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a line of a log",
    label = "neither an integer nor `[u8; N]`",
    note = "implement `ebpf_rt::log::LogArgument` for it: how it is shown"
)]
pub trait LogArgument {
    /// What the format gets.
    type Shown<'a>: 'a
    where
        Self: 'a;

    /// The argument as the format gets it.
    fn shown(&self) -> Self::Shown<'_>;
}

macro_rules! integers {
    ($($ty:ty)*) => {
        $(
            impl LogArgument for $ty {
                type Shown<'a> = Self;

                fn shown(&self) -> Self {
                    *self
                }
            }
        )*
    };
}

integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl<const N: usize> LogArgument for [u8; N] {
    type Shown<'a> = Text<'a>;

    fn shown(&self) -> Text<'_> {
        Text(self.split(|&byte| byte == 0).next().unwrap_or_default())
    }
}

/// Text from a program, such as the name of a process. It can be any bytes, so what is no
/// printable character is shown escaped: `\n`, `\u{1b}`, `\xff`.
///
/// ```
/// use ebpf_rt::log::Text;
///
/// assert_eq!(Text(b"cat").to_string(), "cat");
/// assert_eq!(format!("[{:>5}]", Text(b"cat")), "[  cat]");
/// // A process can call itself anything: terminals do not obey it.
/// assert_eq!(Text(b"\x1b[2J\xff").to_string(), "\\u{1b}[2J\\xff");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<'a>(pub &'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing can be allocated without std, and the width is of the whole: count first.
        let mut count = Count(0);
        self.write_to(&mut count)?;
        let padding = f.width().unwrap_or(0).saturating_sub(count.0);
        let before = match f.align() {
            None | Some(fmt::Alignment::Left) => 0,
            Some(fmt::Alignment::Right) => padding,
            Some(fmt::Alignment::Center) => padding / 2,
        };
        let fill = f.fill();
        (0..before).try_for_each(|_| f.write_char(fill))?;
        self.write_to(f)?;
        (before..padding).try_for_each(|_| f.write_char(fill))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        self.write_to(f)?;
        f.write_char('"')
    }
}

impl Text<'_> {
    fn write_to(self, out: &mut impl Write) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c.is_control() {
                    true => write!(out, "{}", c.escape_default())?,
                    false => out.write_char(c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(out, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Counts characters.
struct Count(usize);

impl Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.chars().count();
        Ok(())
    }
}

/// The number of a line among all: its position. What generated code calls.
///
/// # Panics
/// If it is not among them, which `log_lines!` rules out.
#[doc(hidden)]
#[must_use]
pub const fn number_of(line: &str, lines: &[&str]) -> u32 {
    let mut number = 0;
    while number < lines.len() {
        if is_same(line.as_bytes(), lines[number].as_bytes()) {
            return number as u32;
        }
        number += 1;
    }
    panic!("no such line")
}

/// Compiles if the format uses the argument, or that need not be used. What generated code calls:
/// rustc says nothing about variables of other crates' macros.
///
/// # Panics
/// If it does not; in const evaluation a compile error.
#[doc(hidden)]
#[track_caller]
pub const fn require_use(format: &str, argument: &str, complaint: &str) {
    let (format, argument) = (format.as_bytes(), argument.as_bytes());
    let mut at = 0;
    // By name, or as a width: `{pid}`, `{pid:>8}`, `{name:>pid$}`.
    let mut is_inside = false;
    while at < format.len() {
        match format[at] {
            b'{' if !is_inside && at + 1 < format.len() && format[at + 1] == b'{' => at += 1,
            b'{' => is_inside = true,
            b'}' => is_inside = false,
            byte if is_inside && is_word(byte) => {
                let start = at;
                while at + 1 < format.len() && is_word(format[at + 1]) {
                    at += 1;
                }
                let (word, behind) = format.split_at(at + 1);
                let (before, word) = word.split_at(start);
                let is_name = matches!(before, [.., b'{']);
                let is_width = matches!(behind, [b'$', ..]);
                if (is_name || is_width) && is_same(word, argument) {
                    return;
                }
            }
            _ => {}
        }
        at += 1;
    }
    assert!(matches!(argument, [b'_', ..]), "{}", complaint);
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// `==`, in constants.
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Defines the lines of a [`Log`](crate::Log): for each a format, and its arguments by name.
///
/// ```
/// use core::ffi::c_void;
/// use core::mem::offset_of;
/// use ebpf_rt::{Log, ebpf, log_lines};
///
/// log_lines! {
///     /// What the program tells.
///     enum Line {
///         #[log("process {pid} of user {uid} starts {command}")]
///         Exec { pid: u32, uid: u32, command: [u8; 16] },
///         #[log("process {pid} ends")]
///         Exit { pid: u32 },
///     }
/// }
///
/// ebpf! {
///     #[license = "MIT"]
///     mod lives {
///         static LOG: Log<Line> = Log::with_byte_size(1 << 16);
///
///         #[raw_tracepoint("sched_process_exit")]
///         fn ended(ctx: *mut c_void) -> i32 {
///             call bpf_get_current_pid_tgid;
///             r0 >>= 32;
///             *(u32 *)(r10 - 8) = {Exit::LINE};       // which line it is
///             *(u32 *)(r10 - 4) = w0;                 // and its argument
///             r1 = LOG ll;
///             r2 = r10;
///             r2 += -8;
///             r3 = {size_of::<Exit>()};
///             r4 = 0;
///             call bpf_ringbuf_output;
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn print() -> Result<(), ebpf_rt::Error> {
///     let lives = lives::load()?;
///     let _link = lives.progs.ended.attach()?;
///     for line in lives.maps.LOG.lines()? {
///         println!("{}", line?);
///     }
///     Ok(())
/// }
///
/// # fn main() {
/// assert_eq!((Exit::LINE, size_of::<Exit>(), offset_of!(Exit, pid)), (1, 8, 4));
/// let exit = Exit { line: Exit::LINE, pid: 7 };
/// assert_eq!(Line::Exit(exit).to_string(), "process 7 ends");
/// # }
/// ```
///
/// Each line becomes a `#[repr(C)]` struct of plain old data: first `line: u32`, which is
/// `LINE` in each of its records, then the arguments, in their order. The program fills it in,
/// by `{offset_of!(…)}`, on the stack for `bpf_ringbuf_output` or where `bpf_ringbuf_reserve`
/// made room. The enum has a variant for each; its `Display` is the text.
///
/// # Checked at compile time
/// Formats are those of [`format!`], and rustc checks them: a name that is no argument, an
/// argument that the format does not use, and `{:x}` of a text do not compile. Arguments are
/// integers and bytes (shown as text) or what else implements
/// [`LogArgument`](crate::log::LogArgument). A struct must not have padding: after `line`, put
/// arguments of four bytes before those of eight, and fill what is left with an argument whose
/// name begins with an underscore, which the format need not use.
///
/// ```compile_fail
/// ebpf_rt::log_lines! {
///     enum Line {
///         #[log("process {pdi} ends")]
///         Exit { pid: u32 },
///     }
/// }
/// ```
///
/// ```compile_fail
/// ebpf_rt::log_lines! {
///     enum Line {
///         #[log("a process ends")]
///         Exit { pid: u32 },
///     }
/// }
/// ```
#[macro_export]
macro_rules! log_lines {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $lines:ident {
            $(
                $(#[doc = $doc:literal])*
                #[log($format:literal)]
                $line:ident { $($(#[doc = $about:literal])* $argument:ident: $ty:ty),* $(,)? }
            ),+ $(,)?
        }
    ) => {
        $(
            $(#[doc = $doc])*
            #[doc = ""]
            #[doc = concat!("The record of the line `", $format, "`.")]
            #[derive(Clone, Copy, Debug, $crate::Pod)]
            #[pod(crate = $crate)]
            #[repr(C)]
            $visibility struct $line {
                /// Which line it is: `LINE`.
                $visibility line: u32,
                $(
                    #[doc = concat!("`{", stringify!($argument), "}` of the line.")]
                    $(#[doc = $about])*
                    $visibility $argument: $ty,
                )*
            }

            impl $line {
                /// The number of the line, with which its records begin.
                $visibility const LINE: u32 =
                    $crate::log::number_of(stringify!($line), $lines::NAMES);
            }

            $(
                const _: () = $crate::log::require_use(
                    $format,
                    stringify!($argument),
                    concat!(
                        "the format \"", $format, "\" does not use the argument `",
                        stringify!($argument), "`: one that only fills a gap has a name that \
                         begins with an underscore"
                    ),
                );
            )*

            impl ::core::fmt::Display for $line {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    $(let $argument = <$ty as $crate::log::LogArgument>::shown(&self.$argument);)*
                    ::core::write!(f, $format)
                }
            }
        )+

        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        $visibility enum $lines {
            $(
                #[doc = concat!("`", $format, "`")]
                $line($line),
            )+
        }

        impl $lines {
            const NAMES: &'static [&'static str] = &[$(stringify!($line)),+];
        }

        impl ::core::fmt::Display for $lines {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    $(Self::$line(line) => ::core::fmt::Display::fmt(line, f),)+
                }
            }
        }

        impl $crate::log::LogLine for $lines {
            fn from_record(record: &[u8]) -> ::core::option::Option<Self> {
                let number = *record.first_chunk::<4>()?;
                match u32::from_ne_bytes(number) {
                    $(
                        $line::LINE => $crate::bytemuck::try_pod_read_unaligned(record)
                            .ok()
                            .map(Self::$line),
                    )+
                    _ => ::core::option::Option::None,
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    log_lines! {
        /// All of them.
        enum Line {
            /// With arguments.
            #[log("{command:<6}|{flags:#06x}|{result:>4}")]
            Call { /** O_* */ flags: u32, result: i64, command: [u8; 8] },
            #[log("{{full}}")]
            Full { _gap: u32 },
        }
    }

    #[test]
    fn records_become_lines() {
        let call = Call {
            line: Call::LINE,
            flags: 0x41,
            result: -2,
            command: *b"sh\0junk!",
        };
        let shown = |record: &[u8]| Line::from_record(record).map(|line| line.to_string());
        let record = bytemuck::bytes_of(&call);
        assert_eq!(shown(record).as_deref(), Some("sh    |0x0041|  -2"));
        let full = [1u32.to_ne_bytes(), [9; 4]].concat();
        assert_eq!(shown(&full).as_deref(), Some("{full}"));
    }

    #[test]
    fn other_records_are_none() {
        for record in [&[][..], &[0; 3], &[0; 4], &[0; 25], &[2, 0, 0, 0], &[9; 24]] {
            assert!(Line::from_record(record).is_none(), "{record:?}");
        }
    }

    #[test]
    fn every_argument_is_in_the_format() {
        let uses = |format: &'static str, argument: &'static str| {
            std::panic::catch_unwind(|| require_use(format, argument, "no")).is_ok()
        };
        for format in [
            "{pid}",
            "a {x:#?} {pid:>8} b",
            "{x:>pid$}",
            "{x:1$} {pid",
            "{{{pid}}}",
        ] {
            assert!(uses(format, "pid"), "{format}");
        }
        for format in [
            "", "pid", "{{pid}}", "{pids}", "{ppid}", "{x:pid}", "{x} pid$", "{",
        ] {
            assert!(!uses(format, "pid"), "{format}");
        }
        assert!(uses("", "_gap"));
        assert!(uses("{größe}", "größe"));
    }

    #[test]
    fn text_is_printable_and_keeps_its_width() {
        assert_eq!(Text(b"a\x1b[2J\n\xff").to_string(), "a\\u{1b}[2J\\n\\xff");
        assert_eq!(
            format!("{:>4}|{:-^5}|", Text(b"ab"), Text("ü".as_bytes())),
            "  ab|--ü--|"
        );
        assert_eq!(format!("{:?}", [b'x', 0].shown()), "\"x\"");
    }
}
