//! In the place of `kernel`, without the feature `btf`.

use crate::Error;
use ebpf_asm::Object;
use ebpf_asm::isa::Insn;
use ebpf_asm::object::{ProgramDef, RelocationKind};
use std::borrow::Cow;
use std::os::fd::RawFd;

/// Knows nothing of the kernel.
#[derive(Debug)]
pub(super) struct Kernel;

impl Kernel {
    pub(super) fn new(_: &Object) -> Self {
        Self
    }

    /// An error if the program asks anything of the kernel.
    pub(super) fn fill_in(
        &mut self,
        program: &ProgramDef,
        _: &mut Cow<'static, [Insn]>,
    ) -> Result<Vec<RawFd>, Error> {
        let asks = program.relocations.iter().find(|relocation| {
            matches!(
                relocation.kind,
                RelocationKind::KernelFunction { .. }
                    | RelocationKind::KernelAddress { .. }
                    | RelocationKind::KernelConstant { .. }
            )
        });
        let Some(relocation) = asks else {
            return Ok(Vec::new());
        };
        let place = super::rejection::place(program, relocation.insn as usize);
        Err(
            Error::invalid("it asks for the kernel's own functions, variables or types")
                .of_program(program.name)
                .at(place)
                .remedy("build with the feature `btf` of ebpf-rt"),
        )
    }
}

pub(super) fn poisoned(_: &Object, _: &ProgramDef, _: usize) -> Option<String> {
    None
}
