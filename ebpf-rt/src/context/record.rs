//! Records of trace points that programs are compiled with, and the check against the kernel's.

use super::{
    syscall_trace_enter, syscall_trace_exit, trace_event_raw_sys_enter, trace_event_raw_sys_exit,
};
use core::marker::PhantomData;
use core::mem::offset_of;
use ebpf_asm::object::RecordField;

/// The record of a trace point as a struct: a program whose context is a pointer to one reads
/// its fields by name, and attaching the program compares names, offsets and sizes with what
/// the running kernel says (`events/CATEGORY/NAME/format` of tracefs).
///
/// Derive it for a `#[repr(C)]` struct whose fields have the kernel's names. Only fields that
/// the program reads need to be there; what stands between them has a name that begins with
/// one `_` and is not compared, and so has the start that all records share
/// ([`trace_entry`](super::trace_entry)). A `__data_loc` field is the `u32` that says where the
/// value is.
///
/// ```
/// use core::mem::offset_of;
/// use ebpf_rt::{TracepointRecord, context::trace_entry, ebpf};
///
/// /// `sched:sched_process_fork`, as far as it is read.
/// #[derive(TracepointRecord)]
/// #[repr(C)]
/// struct SchedProcessFork {
///     _common: trace_entry,
///     parent_comm: [u8; 16],
///     parent_pid: i32,
/// }
///
/// ebpf! {
///     #[license = "GPL"]
///     mod forks {
///         #[tracepoint("sched", "sched_process_fork")]
///         fn forked(ctx: *const SchedProcessFork) -> i32 {
///             w0 = *(u32 *)(r1 + {offset_of!(SchedProcessFork, parent_pid)});
///             exit;
///         }
///     }
/// }
///
/// fn main() {
///     let record = forks::OBJECT.programs[0].record;
///     assert_eq!((record[1].name, record[1].offset, record[1].size), ("parent_pid", 24, 4));
/// }
/// ```
pub trait TracepointRecord {
    /// The fields that are compared.
    const FIELDS: &'static [RecordField];
}

macro_rules! records {
    ($($name:ident { $($field:literal = $member:ident: $ty:ty),* })*) => { $(
        impl TracepointRecord for $name {
            const FIELDS: &'static [RecordField] = &[$(RecordField::new(
                $field,
                offset_of!($name, $member) as u32,
                size_of::<$ty>() as u32,
            )),*];
        }
    )* };
}

records! {
    // The arguments have names of their own at each system call.
    syscall_trace_enter { "__syscall_nr" = nr: i32 }
    syscall_trace_exit { "__syscall_nr" = nr: i32, "ret" = ret: i64 }
    trace_event_raw_sys_enter { "id" = id: i64, "args" = args: [u64; 6] }
    trace_event_raw_sys_exit { "id" = id: i64, "ret" = ret: i64 }
}

/// Asks a pointer's type for the fields of its record: those that the type says, else those of
/// [`NoRecord`]. Generated code has both in scope; rustc prefers the first where it applies.
#[doc(hidden)]
#[derive(Debug)]
pub struct RecordOf<C>(PhantomData<C>);

impl<T: TracepointRecord> RecordOf<*const T> {
    /// What the type says.
    pub const FIELDS: &'static [RecordField] = T::FIELDS;
}

impl<T: TracepointRecord> RecordOf<*mut T> {
    /// What the type says.
    pub const FIELDS: &'static [RecordField] = T::FIELDS;
}

/// What a type says that says nothing.
#[doc(hidden)]
pub trait NoRecord {
    /// Nothing.
    const FIELDS: &'static [RecordField] = &[];
}

impl<C> NoRecord for RecordOf<C> {}
