#![doc = include_str!("../README.md")]
//!
//! # Where things are
//! - [`maps`]: definitions (constant data) and handles (maps that exist).
//! - [`programs`] and [`links`]: what loaded programs can do, and what attached ones are.
//! - [`load`]: options, and the loader for any [`Object`].
//! - [`verifier_log`]: what the kernel says about programs that it refuses.
//! - [`inventory`]: all that is loaded on this machine.
//! - [`mod@log`]: log lines from programs.
//! - [`trace_pipe`] and [`tracefs`]: what programs print, and where they can be attached.
#![cfg_attr(
    feature = "features",
    doc = "- [`features`]: what the running kernel can do."
)]
#![cfg_attr(
    feature = "vm",
    doc = "- [`vm`]: objects without a kernel, for unit tests."
)]
#![cfg_attr(
    feature = "btf",
    doc = "- [`kernel_btf`]: the types of the running kernel; [`btf`] reads them."
)]
//! - [`symbols`]: names for addresses of the kernel and of processes.
//! - [`context`]: the kernel's context types, for `{offset_of!(…)}`.
//! - [`kernel_types`]: locks, timers and other types of the kernel in values of maps.
//! - [`isa`] and [`object`]: instructions, and the data model of an object.
//! - [`language`]: registers, mnemonics and helpers, each with what it means.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod context;
pub mod log;
pub mod maps;

#[cfg(feature = "std")]
mod capabilities;
#[cfg(feature = "std")]
mod errno;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "features")]
pub mod features;
#[cfg(feature = "std")]
mod few;
#[cfg(feature = "std")]
pub mod inventory;
#[cfg(feature = "std")]
mod kallsyms;
#[cfg(feature = "btf")]
pub mod kernel_btf;
pub mod kernel_types;
#[cfg(feature = "std")]
pub mod links;
#[cfg(feature = "std")]
pub mod load;
mod macro_support;
mod message;
#[cfg(feature = "std")]
mod pattern;
#[cfg(feature = "std")]
mod pins;
#[cfg(feature = "std")]
pub mod programs;
#[cfg(feature = "std")]
mod similar;
#[cfg(feature = "std")]
pub mod symbols;
#[cfg(feature = "std")]
mod sys;
#[cfg(feature = "std")]
pub mod trace_pipe;
#[cfg(feature = "std")]
pub mod tracefs;
#[cfg(feature = "btf")]
mod type_information;
#[cfg(feature = "uprobes")]
mod user_space;
#[cfg(feature = "std")]
pub mod verifier_log;
#[cfg(feature = "vm")]
pub mod vm;

pub use bytemuck;
#[cfg(feature = "btf")]
pub use ebpf_asm::btf;
pub use ebpf_asm::{
    AttachType, Code, KernelVersion, LinkType, MapType, Object, ProgramType, isa, language, object,
};

pub use maps::{
    Array, ArrayOfMaps, BloomFilter, CgroupArray, CgrpStorage, CpuMap, DevMap, DevMapHash, Global,
    HashMap, HashOfMaps, InodeStorage, Log, LpmTrie, LruHashMap, LruPerCpuHashMap, PerCpuArray,
    PerCpuHashMap, PerfEventArray, ProgramArray, Queue, RingBuf, Rodata, SkStorage, SockHash,
    SockMap, Stack, StackTrace, StructOps, TaskStorage, TraceFormat, Update, UserRingBuf,
};

#[cfg(feature = "features")]
pub use ebpf_asm::helpers;
#[cfg(feature = "std")]
pub use errno::Errno;
#[cfg(feature = "std")]
pub use error::{Error, ErrorKind};
#[cfg(feature = "std")]
pub use trace_pipe::TracePipe;

pub use ebpf_asm::object::BtfType;
pub use ebpf_macros::{Btf, Pod, TracepointRecord};

/// What generated code uses. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::context::{NoRecord, RecordOf};
    #[cfg(feature = "std")]
    pub use crate::load::Load;
    pub use crate::macro_support::{
        AnyKernelType, Assumed, KernelTypeOf, KernelValue, Operand, TypeOf, TypeOfAny, operand,
        require_callback_number, require_callback_pointer, require_callback_result,
        require_context, require_integer, require_map, require_offset, require_program,
        require_result, symbol, with_operands,
    };
    pub use ebpf_macros;
    // What is there in a crate without `std`, too, whose runtime has it.
    #[cfg(feature = "std")]
    pub use std::{path::Path, vec::Vec};
}

/// Passes its input on where this crate has its runtime (feature `std`), else drops it: the
/// code that `ebpf!` generates cannot ask for the features of this crate with `cfg`.
#[cfg(feature = "std")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_std {
    ($($item:tt)*) => { $($item)* };
}

/// Passes its input on where this crate has its runtime (feature `std`), else drops it.
#[cfg(not(feature = "std"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_std {
    ($($item:tt)*) => {};
}

/// Passes its input on where this crate has the interpreter (feature `vm`), else drops it.
#[cfg(feature = "vm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_vm {
    ($($item:tt)*) => { $($item)* };
}

/// Passes its input on where this crate has the interpreter (feature `vm`), else drops it.
#[cfg(not(feature = "vm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_vm {
    ($($item:tt)*) => {};
}
