//! What generated code calls. Not for people: it changes without notice.

use crate::message::Message;
use ebpf_asm::isa::Insn;
use ebpf_asm::object::{
    BtfType, ConstantField, KernelType, MapDef, ProgramKind, Relocation, RelocationKind, TypeDef,
};
use ebpf_asm::{KernelVersion, MapType};

/// The types that an operand in braces can have: integers that an `i128` holds, so that no
/// conversion loses anything.
#[diagnostic::on_unimplemented(
    message = "an operand must be an integer, not `{Self}`",
    label = "this operand is not an integer",
    note = "write `{{value as i64}}` if that is what you mean"
)]
pub trait IntegerOperand: Copy {}

macro_rules! integer_operands {
    ($($ty:ty)*) => { $(impl IntegerOperand for $ty {})* };
}

// `i128` is what rustc takes open literals for once something else in the block is wrong.
integer_operands!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize i128);

/// Compiles for integers only.
pub const fn require_integer<T: IntegerOperand>(_: T) {}

/// What a program can return to the kernel.
#[diagnostic::on_unimplemented(
    message = "BPF0058: a program returns an integer to the kernel, not `{Self}`",
    label = "not an integer of 32 or 64 bits",
    note = "write `-> i32`"
)]
pub trait ProgramResult {}

impl ProgramResult for i32 {}
impl ProgramResult for u32 {}
impl ProgramResult for i64 {}
impl ProgramResult for u64 {}

/// What a program gets from the kernel.
#[diagnostic::on_unimplemented(
    message = "BPF0058: a program gets a pointer to its context from the kernel, not `{Self}`",
    label = "not a pointer",
    note = "write `ctx: *mut c_void`"
)]
pub trait ProgramContext {}

impl<T: ?Sized> ProgramContext for *mut T {}
impl<T: ?Sized> ProgramContext for *const T {}

/// Compiles for what a program can return.
pub const fn require_result<T: ProgramResult>() {}

/// Compiles for what a program can get.
pub const fn require_context<T: ProgramContext>() {}

/// The number that a helper calls a callback with.
#[diagnostic::on_unimplemented(
    message = "BPF0045: the helper calls this function with a number here, not `{Self}`",
    label = "not an integer of 32 or 64 bits",
    note = "write `u64`"
)]
pub trait CallbackNumber {}

impl CallbackNumber for i32 {}
impl CallbackNumber for u32 {}
impl CallbackNumber for i64 {}
impl CallbackNumber for u64 {}

/// The pointer that a helper calls a callback with.
#[diagnostic::on_unimplemented(
    message = "BPF0045: the helper calls this function with a pointer here, not `{Self}`",
    label = "not a pointer",
    note = "write `*mut T`"
)]
pub trait CallbackPointer {}

impl<T: ?Sized> CallbackPointer for *mut T {}
impl<T: ?Sized> CallbackPointer for *const T {}

/// What a callback returns to the helper.
#[diagnostic::on_unimplemented(
    message = "BPF0045: a callback returns a number to the helper that calls it, not `{Self}`",
    label = "not an integer of 32 or 64 bits",
    note = "write `-> i64`"
)]
pub trait CallbackResult {}

impl CallbackResult for i32 {}
impl CallbackResult for u32 {}
impl CallbackResult for i64 {}
impl CallbackResult for u64 {}

/// Compiles for the number that a callback can get.
pub const fn require_callback_number<T: CallbackNumber>() {}

/// Compiles for the pointer that a callback can get.
pub const fn require_callback_pointer<T: CallbackPointer>() {}

/// Compiles for what a callback can return.
pub const fn require_callback_result<T: CallbackResult>() {}

/// What the kernel is told about a type: what it is, if it implements [`BtfType`], else its bytes.
///
/// The inherent constant is found before the trait's, where there is one.
pub struct TypeOf<T>(core::marker::PhantomData<T>);

impl<T: BtfType> TypeOf<T> {
    /// The type.
    pub const TYPE: &'static TypeDef = T::TYPE;
}

/// [`TypeOf`] of types that nothing more is known about.
pub trait TypeOfAny {
    /// Its bytes.
    const TYPE: &'static TypeDef;
}

impl<T> TypeOfAny for TypeOf<T> {
    const TYPE: &'static TypeDef = &TypeDef::bytes(size_of::<T>() as u32);
}

/// What functions of the kernel take and return.
#[diagnostic::on_unimplemented(
    message = "BPF0058: functions of the kernel take and return integers, `bool` and pointers, not `{Self}`",
    label = "not an integer, `bool` or pointer",
    note = "write `*mut {Self}` for a pointer to it"
)]
pub trait KernelValue {
    /// The type, to be compared with the kernel's.
    const TYPE: KernelType;
}

macro_rules! kernel_values {
    ($($ty:ident $signed:literal)*) => { $(
        impl KernelValue for $ty {
            const TYPE: KernelType = KernelType::Integer {
                size: size_of::<$ty>() as u8,
                signed: $signed,
            };
        }
    )* };
}

kernel_values!(
    u8 false u16 false u32 false u64 false usize false
    i8 true i16 true i32 true i64 true isize true
);

impl KernelValue for bool {
    const TYPE: KernelType = KernelType::Bool;
}

impl KernelValue for () {
    const TYPE: KernelType = KernelType::Void;
}

impl<T: ?Sized> KernelValue for *const T {
    const TYPE: KernelType = KernelType::Pointer { to: "" };
}

impl<T: ?Sized> KernelValue for *mut T {
    const TYPE: KernelType = KernelType::Pointer { to: "" };
}

/// The type of a variable of the kernel, which may be any: `KernelTypeOf::<T>::TYPE` is that of
/// [`KernelValue`] where there is one, else that of [`AnyKernelType`].
#[derive(Debug)]
pub struct KernelTypeOf<T: ?Sized>(core::marker::PhantomData<T>);

impl<T: KernelValue> KernelTypeOf<T> {
    /// The type.
    pub const TYPE: KernelType = T::TYPE;
}

/// Any type.
pub trait AnyKernelType {
    /// A type of which only the name is known.
    const TYPE: KernelType = KernelType::Other { name: "" };
}

impl<T: ?Sized> AnyKernelType for KernelTypeOf<T> {}

/// The value of an operand on its way into an instruction; checked.
#[derive(Clone, Copy)]
pub struct Operand {
    slot: usize,
    field: ConstantField,
    value: i128,
}

/// Checks the value of a `{expr}` operand against its field.
///
/// # Panics
/// If it does not fit: in const evaluation a compile error, which names program, instruction,
/// value and field.
#[must_use]
#[track_caller]
pub const fn operand(
    slot: usize,
    field: ConstantField,
    value: i128,
    negated: bool,
    place: &str,
) -> Operand {
    let value = match value.checked_neg() {
        Some(negative) if negated => negative,
        _ => value,
    };
    let range = field.range();
    if range.contains(value) {
        return Operand { slot, field, value };
    }
    let mut message = Message::<600>::new();
    message.text(match field {
        ConstantField::Offset => "BPF0023",
        ConstantField::Shift { .. } => "BPF0024",
        ConstantField::Divisor { .. } if value == 0 => "BPF0025",
        _ => "BPF0021",
    });
    message.text(": in ");
    message.text(place);
    message.text(": the operand ");
    message.number(value);
    message.text(" does not fit ");
    message.text(field.description());
    message.text("\nhelp: ");
    match field {
        ConstantField::SignedImm => {
            message.text("load it into a register with `ll` and use that: `r2 = { … } ll`");
        }
        ConstantField::Offset => message.text("add the rest to the register first"),
        _ => {
            message.text("it holds ");
            message.number(range.minimum);
            message.text(" to ");
            message.number(range.maximum);
            if !range.zero {
                message.text(", but not 0");
            }
        }
    }
    panic!("{}", message.as_str());
}

/// Puts operands into their instructions.
#[must_use]
pub const fn with_operands<const SLOTS: usize, const OPERANDS: usize>(
    mut insns: [Insn; SLOTS],
    operands: [Operand; OPERANDS],
) -> [Insn; SLOTS] {
    let mut i = 0;
    while i < OPERANDS {
        let Operand { slot, field, value } = operands[i];
        // Checked by `operand`, and the macro made the slots.
        assert!(field.put(&mut insns, slot, value).is_ok());
        i += 1;
    }
    insns
}

/// The relocation for `r1 = NAME + ADDEND ll`: a map's descriptor, or the address of a
/// global's data, as the definition says.
#[must_use]
pub const fn symbol(slot: u32, map: usize, def: &MapDef) -> Relocation {
    // An object with more maps than a `u16` counts does not compile; see the macro.
    let map = map as u16;
    match def.is_global {
        true => Relocation::new(slot, RelocationKind::MapValue { map }),
        false => Relocation::new(slot, RelocationKind::MapFd { map }),
    }
}

/// Looks at the offset in `r1 = NAME + ADDEND ll`.
///
/// # Panics
/// If it is one into something that is not a global, or out of it; in const evaluation a compile
/// error.
#[track_caller]
pub const fn require_offset(def: &MapDef, addend: i32) {
    if def.is_global {
        if addend < 0 || addend as u32 >= def.value_size {
            let mut message = Message::<600>::new();
            message.text("BPF0023: the offset ");
            message.number(addend as i128);
            message.text(" is outside of `");
            message.text(def.name);
            message.text("`, which has ");
            message.number(def.value_size as i128);
            message.text(" bytes");
            panic!("{}", message.as_str());
        }
    } else if addend != 0 {
        let mut message = Message::<600>::new();
        message.text("BPF0038: `");
        message.text(def.name);
        message.text("` is a map and has no data to be ");
        message.number(addend as i128);
        message.text(" bytes into\nhelp: look its values up with `bpf_map_lookup_elem`");
        panic!("{}", message.as_str());
    }
}

/// A map that the checker knew nothing of: what it assumed, the definition decides.
#[derive(Clone, Copy, Debug)]
pub struct Assumed<'a>(pub &'a MapDef);

impl Assumed<'_> {
    /// Whether look-ups give pointers to values.
    #[must_use]
    pub const fn holds_values(self) -> bool {
        !self.0.is_global
            && matches!(
                self.0.map_type,
                MapType::Hash
                    | MapType::Array
                    | MapType::PercpuHash
                    | MapType::PercpuArray
                    | MapType::LruHash
                    | MapType::LruPercpuHash
                    | MapType::LpmTrie
            )
    }

    /// Whether look-ups may find nothing, whatever the key: newer kernels know that an array has
    /// a value for each constant key in range.
    #[must_use]
    pub const fn may_be_absent(self) -> bool {
        self.holds_values() && !matches!(self.0.map_type, MapType::Array | MapType::PercpuArray)
    }

    /// Whether the values have fewer bytes.
    #[must_use]
    pub const fn value_shorter_than(self, bytes: u64) -> bool {
        (self.0.value_size as u64) < bytes
    }

    /// Whether the values have more bytes.
    #[must_use]
    pub const fn value_longer_than(self, bytes: u64) -> bool {
        (self.0.value_size as u64) > bytes
    }

    /// Whether the keys have more bytes.
    #[must_use]
    pub const fn key_longer_than(self, bytes: u64) -> bool {
        (self.0.key_size as u64) > bytes
    }

    /// Whether the name stands for the map itself.
    #[must_use]
    pub const fn is_map(self) -> bool {
        !self.0.is_global
    }

    /// Whether the name stands for the address of the only value.
    #[must_use]
    pub const fn is_global(self) -> bool {
        self.0.is_global
    }

    /// Whether the map's type is one of these: each is the bit of its number.
    #[must_use]
    pub const fn is_one_of(self, types: u64) -> bool {
        let number = self.0.map_type.as_raw();
        number < 64 && types >> number & 1 == 1
    }

    /// Whether the map is created with all of these flags.
    #[must_use]
    pub const fn has_flags(self, flags: u32) -> bool {
        self.0.flags & flags == flags
    }

    /// A message with a number in it: the size of the values minus `rest` in the place of each
    /// `mark`. If that is negative, the other message. What has no room in `N` bytes is cut off.
    #[must_use]
    pub const fn message<const N: usize>(
        self,
        marked: &str,
        plain: &str,
        mark: char,
        rest: i64,
    ) -> Message<N> {
        let number = self.0.value_size as i128 - rest as i128;
        let mut message = Message::<N>::new();
        if number < 0 {
            message.text(plain);
        } else {
            message.text_with(marked, mark, number);
        }
        message
    }
}

/// Asks whether the oldest kernel of a map's object has its kind.
///
/// # Panics
/// If it has not; in const evaluation a compile error.
#[track_caller]
pub const fn require_map(oldest: KernelVersion, map: &MapDef) {
    let MapDef { map_type, name, .. } = *map;
    let lack = Lack::new("the map `", name, map_type.since(), map_type.instead());
    lack.refuse(oldest);
}

/// Asks whether the oldest kernel of a program's object has its kind.
///
/// # Panics
/// If it has not; in const evaluation a compile error.
#[track_caller]
pub const fn require_program(oldest: KernelVersion, name: &'static str, kind: ProgramKind) {
    let lack = Lack::new("the program `", name, kind.since(), kind.instead());
    lack.refuse(oldest);
}

/// What the oldest kernel may lack.
struct Lack {
    what: &'static str,
    name: &'static str,
    since: KernelVersion,
    instead: Option<&'static str>,
}

impl Lack {
    const fn new(
        what: &'static str,
        name: &'static str,
        since: KernelVersion,
        instead: Option<&'static str>,
    ) -> Self {
        Self {
            what,
            name,
            since,
            instead,
        }
    }

    #[track_caller]
    const fn refuse(&self, oldest: KernelVersion) {
        let since = self.since;
        if oldest.major > since.major || oldest.major == since.major && oldest.minor >= since.minor
        {
            return;
        }
        let mut message = Message::<600>::new();
        message.text("BPF0060: ");
        message.text(self.what);
        message.text(self.name);
        message.text("` is of a kind that needs Linux ");
        message.version(since);
        message.text(", and the object is for Linux ");
        message.version(oldest);
        message.text(" and later\nhelp: raise it: `#[min_kernel = \"");
        message.version(since);
        message.text("\"]`");
        if let Some(instead) = self.instead {
            message.text("\nhelp: or use ");
            message.text(instead);
        }
        panic!("{}", message.as_str());
    }
}

/// Assembles instructions into a constant [`Code`](crate::Code), at compile time.
///
/// ```
/// use ebpf_rt::{ebpf_asm, Code};
///
/// const SNAP_LENGTH: u32 = 64;
///
/// const FILTER: Code = ebpf_asm! {
///     r0 = *(u32 *)(r1 + 0);          // __sk_buff.len
///     if r0 <= SNAP_LENGTH goto keep;
///     r0 = SNAP_LENGTH;
/// keep:
///     exit;
/// };
/// assert_eq!(FILTER.len(), 4);
/// ```
///
/// The value is a constant, and best made one: in a `const` or `static`, a wrong operand is an
/// error of `cargo check`; inside a function, rustc evaluates it when it compiles the function
/// (`cargo build`), and not at all in a generic function that nothing uses. For an array,
/// [`Code::into_static`](crate::Code::into_static) gives the [`Insn`](crate::isa::Insn)s to
/// loaders that take one.
///
/// Operands in braces are Rust constant expressions; a value that does not fit its field is a
/// compile error. Rust takes a number without a suffix for an `i32`: write `{1u64 << 40} ll`.
#[macro_export]
macro_rules! ebpf_asm {
    ($($tokens:tt)*) => { $crate::__private::ebpf_macros::ebpf_asm! { [$crate] $($tokens)* } };
}

/// Defines an object: maps, constants and programs, as a module with a typed skeleton.
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{ebpf, HashMap};
///
/// ebpf! {
///     /// Counts openat(2) calls per user.
///     #[license = "GPL"]
///     pub mod opens {
///         static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);
///
///         #[tracepoint("syscalls", "sys_enter_openat")]
///         fn count(ctx: *mut c_void) -> i32 {
///             call bpf_get_current_uid_gid;
///             *(u32 *)(r10 - 4) = w0;
///             r2 = r10;
///             r2 += -4;
///             r1 = COUNTS ll;
///             call bpf_map_lookup_elem;
///             if r0 == 0 goto done;
///             r1 = 1;
///             lock *(u64 *)(r0 + 0) += r1;
///         done:
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() {
///     assert_eq!(opens::OBJECT.programs[0].name, "count");
/// }
/// ```
///
/// The object sees what the module around it sees (`use super::*`), so the block stands in a
/// module, not in a function whose items it would need.
///
/// Programs are functions with an attribute that says which kind they are; the others are
/// subprograms, and only those that a program reaches become part of it:
///
/// | attribute | runs |
/// |---|---|
/// | `#[socket_filter]` | for every packet of a socket |
/// | `#[tracepoint("category", "name")]` | at a trace point |
/// | `#[raw_tracepoint("name")]` | at a trace point, with its raw arguments |
/// | `#[raw_tracepoint_writable("name")]` | at a trace point that lets programs write a buffer |
/// | `#[kprobe("symbol")]`, `#[kretprobe("symbol")]` | where a kernel function begins, or returns |
/// | `#[kprobe_multi("pattern")]`, `#[kretprobe_multi("pattern")]`, `#[kprobe_session("pattern")]` | at many kernel functions |
/// | `#[uprobe("file", "symbol")]`, `#[uretprobe(…)]`, `#[uprobe_multi(…)]`, `#[uretprobe_multi(…)]`, `#[uprobe_session(…)]` | at functions of programs and libraries; feature `uprobes` |
/// | `#[usdt("file", "provider", "name")]` | at static probes of programs; feature `uprobes` |
/// | `#[perf_event]` | at samples of a clock or counter |
/// | `#[sk_skb_stream_parser]`, `#[sk_skb_stream_verdict]`, `#[sk_skb_verdict]` | for what arrives at the sockets of a sockmap |
/// | `#[fentry("function")]`, `#[fexit("function")]` | where a kernel function, or one of another program, begins, or returns; by BTF |
/// | `#[fmod_ret("function")]` | where a kernel function begins that allows it, and instead of it |
/// | `#[tp_btf("name")]` | at a trace point, with its typed arguments |
/// | `#[lsm("hook")]`, `#[lsm_cgroup("hook")]` | at a security hook, for all or for a cgroup's tasks |
/// | `#[iter("target")]` | for each thing of a kind, while a file is read |
/// | `#[freplace("function")]` | in the place of a global function of another program |
/// | `#[struct_ops("ops", "member")]` | where the kernel calls that member of a table: a [`StructOps`](crate::StructOps) map |
///
/// Those of the last seven rows go by the kernel's BTF (feature `btf`, on by default) and say at
/// load where they go: `#[fentry]` without a name, and
/// [`target`](crate::load::ProgramOptions::target) before the load, leave it to run time.
/// `sleepable` beside the name (`#[lsm("file_open", sleepable)]`) lets `fentry`, `fexit`,
/// `fmod_ret`, `lsm`, `iter` and `struct_ops` programs wait.
///
/// A subprogram is called by name (`call bump`) with its arguments in r1 to r5; `fn` is checked
/// with its callers, `pub fn` on its own. `r2 = bump ll` loads its address for a helper that calls
/// it, and `bump` has to have the signature that the helper wants. `#[inline] fn` is no function
/// but pasted at each `call`: it works on the caller's registers, its labels are its own, and its
/// `exit` goes on behind the call.
///
/// Types that the kernel has to know it is told when the object is loaded, and nothing more:
/// signatures of global functions and of those that helpers call, keys and values of maps with
/// locks, timers or kernel pointers ([`kernel_types`](crate::kernel_types)); values that are structs
/// derive [`Btf`](macro@crate::Btf). `#[arg(nonnull)]` before a parameter of a global function is a
/// note for the kernel (Linux 6.8: `ctx`, `nonnull`; later `nullable`, `trusted`, `untrusted`,
/// `arena`); a pointer to a type of [`context`](crate::context) is the context also before. With
/// `loader().debug_info(true)` bpftool shows source lines and fields by name.
///
/// # What the kernel has
/// Functions and variables of the kernel are declared and then used by name. They are looked for
/// when the object is loaded, in the kernel and then in its modules, and have to be what they are
/// declared as; `#[weak]` ones may be missing, and their address is 0 then. `offsetof`, `sizeof`,
/// `exists` and `enumval` ask about its types, in the place of any constant: the same program runs
/// on kernels whose structs differ. This needs the feature `btf`, and of the kernel Linux 5.4 and
/// `CONFIG_DEBUG_INFO_BTF`; calls of functions need Linux 5.13.
///
/// ```
/// use core::ffi::{c_char, c_void};
/// use ebpf_rt::ebpf;
///
/// ebpf! {
///     #[license = "GPL"]
///     mod asks {
///         extern "kernel" {
///             #[weak]
///             fn bpf_strcmp(s1: *const c_char, s2: *const c_char) -> i32;
///             static jiffies: u64;
///         }
///
///         #[raw_tracepoint("sys_enter")]
///         fn run(ctx: *mut c_void) -> i32 {
///             call bpf_get_current_task_btf;
///             r6 = *(u32 *)(r0 + offsetof(task_struct.pid));
///             r1 = exists(task_struct.thread_info.cpu);   // 1, or 0 on kernels without
///             if r1 == 0 goto old;
///             r7 = *(u32 *)(r0 + offsetof(task_struct.thread_info.cpu));
///         old:
///             r3 = jiffies ll;                            // its address
///             r1 = bpf_strcmp ll;
///             if r1 == 0 goto done;                       // before Linux 6.17
///             r1 = r10;
///             r1 += -8;
///             *(u64 *)(r10 - 8) = 0;
///             r2 = r1;
///             call bpf_strcmp;
///         done:
///             r0 = 0;
///             exit;
///         }
///     }
/// }
///
/// fn main() {
///     assert_eq!(asks::OBJECT.kernel_symbols.len(), 2);
///     assert_eq!(asks::OBJECT.kernel_constants.len(), 3);
/// }
/// ```
///
/// A member that the kernel does not have is an error when the object is loaded, unless the program
/// also asks `exists` of it: the instruction that uses it must then never be reached. What is
/// behind a pointer is in another place of memory: load the pointer, then ask about the struct that
/// it points to.
///
/// # Names
/// The kernel shows the first 15 bytes of a program's or map's name. Attributes of the module:
/// `#[license = "…"]` is required, `#[min_kernel = "5.15"]` makes everything that an older
/// kernel lacks an error (without it nothing is checked), `#[relaxed]` (also on functions) lets constants wrap as LLVM does.
/// `#[cfg]`, lints and doc comments on programs and maps are carried over.
///
/// The module holds `OBJECT` (constant data), `load()`, `loader()` for options, and the
/// `Skeleton` they give: `progs` with a handle for each program, `maps` with one for each map.
/// With the feature `vm` there is `vm()` as well: the same skeleton without a kernel.
///
/// # For other hosts than the kernel
/// `#[target = "user"]` is for programs that the kernel never sees: it has no licence, no maps and
/// no programs, but functions, all of them in the order in which they are written, each of which
/// can be the entry. They may loop without bound and call themselves. Helpers are the host's own:
/// declared with their numbers in `extern "user"`, or called by number.
///
/// ```
/// use ebpf_rt::ebpf;
///
/// ebpf! {
///     #[target = "user"]
///     pub mod larger {
///         extern "user" {
///             #[helper = 1]
///             fn max(a: u64, b: u64) -> u64;
///         }
///
///         fn of_three(a: u64, b: u64, c: u64) -> u64 {
///             r6 = r3;
///             call max;
///             r1 = r0;
///             r2 = r6;
///             call max;
///             exit;
///         }
///     }
/// }
///
/// fn main() {
///     assert_eq!(larger::OBJECT.functions[0].name, "of_three");
///     # #[cfg(feature = "vm")] {
///     let mut vm = ebpf_rt::vm::Vm::for_user(8);
///     let program = vm.load_user(&larger::OBJECT);
///     vm.helper_named("max", |a, b, _, _, _| a.max(b)).unwrap();
///     assert_eq!(vm.call(program, "of_three", &[2, 9, 4]), Ok(9));
///     # }
/// }
/// ```
///
/// The module holds `OBJECT`, an [`object::UserObject`](crate::object::UserObject).
#[macro_export]
macro_rules! ebpf {
    ($($tokens:tt)*) => { $crate::__private::ebpf_macros::ebpf! { [$crate] $($tokens)* } };
}

/// Reads an object or a sequence of instructions from a text file, which cargo then watches.
///
/// The path is relative to the file that the macro is in. A file with `mod name { … }` is an
/// object and becomes a module as with [`ebpf!`]; any other file is a sequence and becomes a
/// constant [`Code`](crate::Code) as with [`ebpf_asm!`].
///
/// ```standalone_crate
/// use ebpf_rt::{Code, include_ebpf};
///
/// const SEQUENCE: Code = include_ebpf!("../tests/data/sequence.s");
/// assert!(!SEQUENCE.is_empty());
/// ```
#[macro_export]
macro_rules! include_ebpf {
    ($path:literal) => {
        $crate::__private::ebpf_macros::include_ebpf! { [$crate] $path }
    };
}
