//! The procedural macros of [`ebpf-rt`](https://docs.rs/ebpf-rt): use them through that crate,
//! which hands them its own path so that it can be renamed.
//!
//! This crate is thin: it turns Rust's tokens into the token list of `ebpf-asm`, lets that
//! crate parse and link, and writes the result as constant data. It knows no encodings.

mod attributes;
mod btf;
mod check;
mod code;
mod derive;
mod editor;
mod emit;
mod include;
mod kernel;
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
#[proc_macro_derive(Pod, attributes(pod))]
pub fn pod(input: TokenStream) -> TokenStream {
    pod::expand(input.into()).into()
}

/// Implements `ebpf_rt::context::TracepointRecord` for a `#[repr(C)]` struct: its fields have the
/// names of a trace point's.
///
/// Use it as `ebpf_rt::TracepointRecord`; with a renamed dependency add
/// `#[tracepoint_record(crate = path)]`.
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
#[proc_macro_derive(Btf, attributes(btf))]
pub fn btf(input: TokenStream) -> TokenStream {
    btf::expand(input.into()).into()
}
