#![doc = include_str!("../README.md")]
//!
//! # Inside
//! This crate is thin: it turns Rust's tokens into the token list of `ebpf-asm`, lets that
//! crate parse and link, and writes the result as constant data. It knows no encodings.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attributes;
mod btf;
mod check;
mod code;
mod derive;
mod editor;
mod emit;
mod guess;
mod include;
mod kernel;
mod lints;
mod object;
mod pod;
mod record;
mod report;
mod scope;
mod signature;
mod skeleton;
mod source;
#[cfg(test)]
mod tests;
mod tokens;
mod user;

use proc_macro::TokenStream;

/// See `ebpf_rt::ebpf`.
#[proc_macro]
#[doc(hidden)]
pub fn ebpf(input: TokenStream) -> TokenStream {
    object::expand(input.into()).into()
}

/// See `ebpf_rt::ebpf_asm`.
#[proc_macro]
#[doc(hidden)]
pub fn ebpf_asm(input: TokenStream) -> TokenStream {
    code::expand(input.into()).into()
}

/// See `ebpf_rt::include_ebpf`.
#[proc_macro]
#[doc(hidden)]
pub fn include_ebpf(input: TokenStream) -> TokenStream {
    include::expand(input.into()).into()
}

/// Implements `bytemuck::Pod` and `bytemuck::Zeroable` for a `#[repr(C)]` struct without
/// padding, so that it can be a key or value of a map.
///
/// Use it as `ebpf_rt::Pod`; with a renamed dependency add `#[pod(crate = path)]`.
///
/// ```
/// use ebpf_rt::{HashMap, Pod, maps::Def};
///
/// #[derive(Clone, Copy, Debug, PartialEq, Pod)]
/// #[repr(C)]
/// struct Connection {
///     address: [u8; 4],
///     port: u16,
///     family: u16,        // without it there would be padding, which does not compile
/// }
///
/// static SEEN: Def<HashMap<Connection, u64>> = HashMap::with_max_entries(1024);
/// assert_eq!(SEEN.map_def("SEEN").key_size, 8);
///
/// let connection: Connection = ebpf_rt::bytemuck::pod_read_unaligned(&[127, 0, 0, 1, 0, 0, 0, 0]);
/// assert_eq!(connection.address, [127, 0, 0, 1]);
/// ```
#[proc_macro_derive(Pod, attributes(pod))]
pub fn pod(input: TokenStream) -> TokenStream {
    pod::expand(input.into()).into()
}

/// Implements `ebpf_rt::context::TracepointRecord` for a `#[repr(C)]` struct: its fields have the
/// names of a trace point's.
///
/// Use it as `ebpf_rt::TracepointRecord`; with a renamed dependency add
/// `#[tracepoint_record(crate = path)]`.
///
/// ```
/// use core::mem::offset_of;
/// use ebpf_rt::{TracepointRecord, ebpf};
///
/// /// As `events/sched/sched_process_exit/format` in tracefs says.
/// #[derive(TracepointRecord)]
/// #[repr(C)]
/// struct Exit {
///     common: [u8; 8],
///     comm: [u8; 16],
///     pid: i32,
///     prio: i32,
/// }
///
/// ebpf! {
///     #[license = "GPL"]
///     mod exits {
///         /// Attaching it compares the fields with what this kernel has.
///         #[tracepoint("sched", "sched_process_exit")]
///         fn ended(ctx: *const Exit) -> i32 {
///             r0 = *(u32 *)(r1 + {offset_of!(Exit, pid)});
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     let mut record = [0; size_of::<Exit>()];
///     record[offset_of!(Exit, pid)] = 42;
///     assert_eq!(exits::vm()?.progs.ended.run(&mut record)?, 42);
///     Ok(())
/// }
/// ```
#[proc_macro_derive(TracepointRecord, attributes(tracepoint_record))]
pub fn tracepoint_record(input: TokenStream) -> TokenStream {
    record::expand(input.into()).into()
}

/// Implements `ebpf_rt::BtfType` for a `#[repr(C)]` struct or union, or an enum without fields, so
/// that the kernel can be told about it: `bpftool map dump` shows its fields by name, and locks,
/// timers and kernel pointers in values of maps work.
///
/// Use it as `ebpf_rt::Btf`. Options: `#[btf(crate = path)]` with a renamed dependency,
/// `#[btf(name = "…")]` for another name in the kernel; on the head of a list or the root of a
/// tree, `#[btf(contains(Type, member))]`.
///
/// ```
/// use ebpf_rt::kernel_types::bpf_spin_lock;
/// use ebpf_rt::{Btf, BtfType, Pod};
///
/// #[derive(Clone, Copy, Pod, Btf)]
/// #[btf(name = "counter")]
/// #[repr(C)]
/// struct Counter {
///     lock: bpf_spin_lock,        // the kernel finds it by the type's name
///     packets: u32,
///     bytes: u64,
/// }
/// assert!(format!("{:?}", Counter::TYPE).contains("counter"));
/// ```
#[proc_macro_derive(Btf, attributes(btf))]
pub fn btf(input: TokenStream) -> TokenStream {
    btf::expand(input.into()).into()
}
