//! What programs ask of the kernel that they are loaded into: its functions and variables by name,
//! and facts about its types.

mod facts;
mod signature;
mod symbols;

use super::relocate::{broken, put};
use crate::few::FewMap;
use crate::{Error, ErrorKind};
use ebpf_asm::Object;
use ebpf_asm::isa::{ImmediateSource, Insn, Instruction};
use ebpf_asm::object::{
    ConstantField, KernelConstantDef, KernelConstantKind, KernelSymbolDef, ProgramDef,
    RelocationKind,
};
use facts::Fact;
use std::borrow::Cow;
use std::os::fd::RawFd;
use symbols::{Address, Symbols};

/// The call that stands for an instruction which must not be reached, as in libbpf: no helper has
/// this number, and the verifier does not look at code that is never reached.
const POISON: u32 = 0x0bad_2310;

/// The kernel's answers for one load.
#[derive(Debug)]
pub(in crate::load) struct Kernel<'a> {
    object: &'a Object,
    symbols: Symbols,
    facts: FewMap<u16, Fact>,
    known: facts::Known,
}

impl<'a> Kernel<'a> {
    pub(in crate::load) fn new(object: &'a Object) -> Self {
        Self {
            object,
            symbols: Symbols::default(),
            facts: FewMap::default(),
            known: facts::Known::default(),
        }
    }

    /// Fills in what a program asks of the kernel. Gives the descriptors of the BTF of modules that
    /// it has to be loaded with; they live as long as this.
    pub(in crate::load) fn fill_in(
        &mut self,
        program: &ProgramDef,
        insns: &mut Cow<'static, [Insn]>,
    ) -> Result<Vec<RawFd>, Error> {
        let mut fd_array = Vec::new();
        for relocation in program.relocations {
            let slot = relocation.insn as usize;
            let place = |error: Error| {
                error
                    .of_program(program.name)
                    .at(super::rejection::place(program, slot))
            };
            match relocation.kind {
                RelocationKind::KernelFunction { symbol } => {
                    let def = self.symbol(program, slot, symbol)?;
                    let found = self.symbols.function(symbol, def).map_err(place)?;
                    let insn = insns.to_mut().get_mut(slot);
                    let insn =
                        insn.ok_or_else(|| broken(program, slot, "a call that is not there"))?;
                    *insn = match found {
                        None => poison(),
                        Some(found) => {
                            let index = found.index_in(&mut fd_array, &self.symbols);
                            let index = i16::try_from(index).map_err(|_| {
                                broken(program, slot, "functions of too many modules")
                            })?;
                            Instruction::call_kfunc(found.id, index).encode()[0]
                        }
                    };
                }
                RelocationKind::KernelAddress { symbol } => {
                    let def = self.symbol(program, slot, symbol)?;
                    let address = self.symbols.address(symbol, def).map_err(place)?;
                    let wide = insns.to_mut().get_mut(slot..);
                    let Some([first, second, ..]) = wide else {
                        return Err(broken(
                            program,
                            slot,
                            "an address where no 64-bit immediate is",
                        ));
                    };
                    let (source, low, high) = match address {
                        Address::Absent => (ImmediateSource::Value, 0, 0),
                        Address::Number(value) => {
                            let high = (value >> 32) as u32;
                            let low = value as u32;
                            (
                                ImmediateSource::Value,
                                low.cast_signed(),
                                high.cast_signed(),
                            )
                        }
                        Address::Type(found) => {
                            let fd = found.fd(&self.symbols).unwrap_or(0);
                            (ImmediateSource::BtfId, found.id.cast_signed(), fd)
                        }
                    };
                    *first = first.with_src(source as u8).with_imm(low);
                    *second = second.with_imm(high);
                }
                RelocationKind::KernelConstant { constant, field } => {
                    self.constant(program, slot, constant, field, insns.to_mut())
                        .map_err(place)?;
                }
                _ => {}
            }
        }
        Ok(fd_array)
    }

    fn symbol(
        &self,
        program: &ProgramDef,
        slot: usize,
        symbol: u16,
    ) -> Result<&'a KernelSymbolDef, Error> {
        let def = self.object.kernel_symbols.get(usize::from(symbol));
        def.ok_or_else(|| {
            broken(
                program,
                slot,
                "a symbol of the kernel that the object does not have",
            )
        })
    }

    fn constant(
        &mut self,
        program: &ProgramDef,
        slot: usize,
        constant: u16,
        field: ConstantField,
        insns: &mut [Insn],
    ) -> Result<(), Error> {
        let def = self.object.kernel_constants.get(usize::from(constant));
        let def = *def.ok_or_else(|| {
            broken(
                program,
                slot,
                "a fact about the kernel that the object does not have",
            )
        })?;
        match self.fact(constant, &def)? {
            Fact::Value(value) => put(value, field, insns, slot).map_err(|reason| {
                Error::new(ErrorKind::Unsupported)
                    .because(format!("`{def}` is {value} in this kernel: {reason}"))
            }),
            Fact::Absent(reason) => {
                if !self.asks_whether_there_is(program, &def)? {
                    let error = Error::new(ErrorKind::NotFound);
                    return Err(error.because(format!("`{def}`: {reason}")).remedy(format!(
                        "where it may be missing, test `exists({})` first",
                        inner(&def)
                    )));
                }
                let wide = insns.get(slot).is_some_and(|insn| insn.is_wide());
                for insn in insns.iter_mut().skip(slot).take(1 + usize::from(wide)) {
                    *insn = poison();
                }
                Ok(())
            }
        }
    }

    fn fact(&mut self, constant: u16, def: &KernelConstantDef) -> Result<Fact, Error> {
        if let Some(fact) = self.facts.get(&constant) {
            return Ok(fact.clone());
        }
        let fact = facts::look_up(def, &mut self.known)?;
        self.facts.insert(constant, fact.clone());
        Ok(fact)
    }

    /// Whether the program also asks if there is such a member, or something on the way to it.
    fn asks_whether_there_is(
        &mut self,
        program: &ProgramDef,
        def: &KernelConstantDef,
    ) -> Result<bool, Error> {
        for relocation in program.relocations {
            let RelocationKind::KernelConstant { constant, .. } = relocation.kind else {
                continue;
            };
            let asked = self.object.kernel_constants.get(usize::from(constant));
            let Some(asked) = asked.copied() else {
                continue;
            };
            let rest = def.path.strip_prefix(asked.path);
            let on_the_way = asked.path.is_empty()
                || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
            if asked.kind == KernelConstantKind::Exists
                && asked.ty == def.ty
                && on_the_way
                && matches!(self.fact(constant, &asked)?, Fact::Value(0))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What is between the parentheses.
fn inner(def: &KernelConstantDef) -> String {
    match def.path {
        "" => def.ty.to_owned(),
        path => format!("{}.{path}", def.ty),
    }
}

fn poison() -> Insn {
    Instruction::call_helper(POISON).encode()[0]
}

/// What a poisoned instruction was, if the slot is one: for the error about code that is reached
/// after all.
pub(in crate::load) fn poisoned(
    object: &Object,
    program: &ProgramDef,
    slot: usize,
) -> Option<String> {
    let mut here = program
        .relocations
        .iter()
        .filter(|relocation| relocation.insn as usize == slot);
    here.find_map(|relocation| match relocation.kind {
        RelocationKind::KernelFunction { symbol } => {
            let symbol = object.kernel_symbols.get(usize::from(symbol))?;
            Some(format!(
                "this kernel does not have the function `{0}`; call it only where it is there: \
                 `r1 = {0} ll; if r1 == 0 goto …`",
                symbol.name
            ))
        }
        RelocationKind::KernelConstant { constant, .. } => {
            let def = object.kernel_constants.get(usize::from(constant))?;
            Some(format!(
                "this kernel does not have `{0}`; use it only where it is there: `r1 = exists({0}); \
                 if r1 == 0 goto …`",
                inner(def)
            ))
        }
        _ => None,
    })
}
