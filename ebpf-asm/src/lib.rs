#![cfg_attr(
    all(feature = "text", feature = "listing", feature = "vm"),
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    not(all(feature = "text", feature = "listing", feature = "vm")),
    doc = "The eBPF instruction set and assembly language. The features say what is in it."
)]
//!
//! # Where things are
//! - [`isa`]: registers, sizes, the one table of instructions, encoder, decoder, printer.
#![cfg_attr(
    feature = "syntax",
    doc = "- [`syntax`]: tokens, text lexer, parser, syntax tree."
)]
#![cfg_attr(
    feature = "syntax",
    doc = "- [`link`]: labels, symbols, layout, relocations."
)]
#![cfg_attr(
    feature = "syntax",
    doc = "- [`diag`]: what is wrong, where, and what to do."
)]
//! - [`excerpt`]: lines of source with marks under them, as rustc draws them.
//! - [`object`]: [`Object`], [`Code`] and their parts: plain constant data.
#![cfg_attr(
    feature = "helpers",
    doc = "- [`helpers`]: the table of kernel helpers."
)]
#![cfg_attr(
    feature = "check",
    doc = "- [`check`]: the kernel's verdicts, before anything is loaded."
)]
#![cfg_attr(
    feature = "btf",
    doc = "- [`btf`]: the kernel's type information: reader and encoder."
)]
//! - [`language`]: registers, mnemonics and helpers by name, with what each means.
#![cfg_attr(
    feature = "semantics",
    doc = "- [`semantics`]: what an instruction does, for every domain of values."
)]
#![cfg_attr(
    feature = "vm",
    doc = "- [`vm`]: a machine that runs programs without a kernel."
)]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_op_in_unsafe_fn)]

extern crate alloc;

mod assembler;
mod attach_type;
#[cfg(feature = "btf")]
pub mod btf;
#[cfg(feature = "check")]
pub mod check;
#[cfg(feature = "syntax")]
pub mod diag;
pub mod excerpt;
#[cfg(feature = "text")]
pub mod format;
#[cfg(feature = "helpers")]
pub mod helpers;
#[cfg(feature = "text")]
pub mod import;
mod instead;
pub mod isa;
mod kernel_enum;
mod kernel_version;
pub mod language;
#[cfg(feature = "syntax")]
pub mod link;
mod link_type;
mod map_type;
pub mod object;
mod program_type;
#[cfg(feature = "semantics")]
pub mod semantics;
#[cfg(feature = "syntax")]
pub mod syntax;
#[cfg(feature = "text")]
mod text;
#[cfg(feature = "vm")]
pub mod vm;

pub use assembler::{Assembler, AssemblerError, Label};
pub use attach_type::AttachType;
#[cfg(feature = "syntax")]
pub use diag::{Diagnostic, Diagnostics};
pub use kernel_version::KernelVersion;
pub use link_type::LinkType;
pub use map_type::MapType;
pub use object::{Code, Object};
pub use program_type::ProgramType;
#[cfg(all(feature = "text", feature = "check"))]
pub use text::check_text;
#[cfg(feature = "text")]
pub use text::{AssembleOptions, assemble, assemble_with};
