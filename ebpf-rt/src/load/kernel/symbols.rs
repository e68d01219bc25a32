//! The kernel's functions and variables by name.

use super::facts::{did_you_mean, names};
use super::signature;
use crate::few::FewMap;
use crate::kernel_btf::{self, ModuleBtf};
use crate::{Error, ErrorKind, KernelVersion, capabilities, kallsyms};
use ebpf_asm::btf::{Btf, Kind};
use ebpf_asm::object::{KernelSymbolDef, KernelSymbolKind};
use std::os::fd::{AsFd, AsRawFd, RawFd};

/// The first kernel that takes the address of a function by its BTF id.
const ADDRESS_OF_FUNCTION: KernelVersion = KernelVersion::new(6, 4);

/// The symbols of one load, each looked up once.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// The modules whose BTF programs name.
    modules: Vec<ModuleBtf>,
    kallsyms: Option<String>,
    types: FewMap<u16, Option<Found>>,
}

/// Something that has a type in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its BTF id.
    pub(super) id: u32,
    /// The module that it belongs to, by position; `None` for vmlinux.
    module: Option<usize>,
}

impl Found {
    /// The descriptor of the module's BTF.
    pub(super) fn fd(self, symbols: &Symbols) -> Option<RawFd> {
        let module = symbols.modules.get(self.module?)?;
        Some(module.as_fd().as_raw_fd())
    }

    /// Its place in the descriptors that a program is loaded with. The first is vmlinux.
    pub(super) fn index_in(self, fd_array: &mut Vec<RawFd>, symbols: &Symbols) -> usize {
        let Some(fd) = self.fd(symbols) else {
            return 0;
        };
        if fd_array.is_empty() {
            fd_array.push(0);
        }
        let known = fd_array.iter().skip(1).position(|&known| known == fd);
        known.map_or_else(
            || {
                fd_array.push(fd);
                fd_array.len() - 1
            },
            |position| position + 1,
        )
    }
}

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// Of something weak that is not there.
    Absent,
    /// By BTF id.
    Type(Found),
    /// As it is.
    Number(u64),
}

impl Symbols {
    /// A function; `None` if it is weak and not there.
    pub(super) fn function(
        &mut self,
        symbol: u16,
        def: &KernelSymbolDef,
    ) -> Result<Option<Found>, Error> {
        match self.typed(symbol, def, Kind::Func)? {
            None if !def.weak => Err(missing_function(def)),
            found => Ok(found),
        }
    }

    /// The address of a function or variable.
    pub(super) fn address(&mut self, symbol: u16, def: &KernelSymbolDef) -> Result<Address, Error> {
        match def.kind {
            KernelSymbolKind::Function { .. } => {
                let Some(found) = self.function(symbol, def)? else {
                    return Ok(Address::Absent);
                };
                match capabilities::running_kernel() {
                    Some(running) if running < ADDRESS_OF_FUNCTION => self.listed(def),
                    _ => Ok(Address::Type(found)),
                }
            }
            _ => match self.typed(symbol, def, Kind::Var)? {
                Some(found) => Ok(Address::Type(found)),
                None => self.listed(def),
            },
        }
    }

    /// What has a type: looked for in vmlinux, then in the modules. Its type is that of the
    /// declaration.
    fn typed(
        &mut self,
        symbol: u16,
        def: &KernelSymbolDef,
        kind: Kind,
    ) -> Result<Option<Found>, Error> {
        if let Some(found) = self.types.get(&symbol) {
            return Ok(*found);
        }
        let found = self.search(def, kind)?;
        self.types.insert(symbol, found);
        Ok(found)
    }

    fn search(&mut self, def: &KernelSymbolDef, kind: Kind) -> Result<Option<Found>, Error> {
        let vmlinux = match kernel_btf::vmlinux() {
            Ok(vmlinux) => vmlinux,
            // What is weak, and what has an address, needs no types.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                return match def.weak || kind == Kind::Var {
                    true => Ok(None),
                    false => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        if let Ok(id) = vmlinux.find(def.name, kind) {
            signature::check(vmlinux, id, def)?;
            let id = id.get();
            return Ok(Some(Found { id, module: None }));
        }
        for name in kernel_btf::module_names()? {
            // One that was just unloaded does not have it either.
            let Ok(module) = kernel_btf::module(&name) else {
                continue;
            };
            if let Ok(id) = module.find_own(def.name, kind) {
                signature::check(&module, id, def)?;
                let module = Some(self.module(&name)?);
                let id = id.get();
                return Ok(Some(Found { id, module }));
            }
        }
        Ok(None)
    }

    /// The position of a module's BTF, which is opened once.
    fn module(&mut self, name: &str) -> Result<usize, Error> {
        if let Some(position) = self.modules.iter().position(|m| m.name() == name) {
            return Ok(position);
        }
        let all = kernel_btf::modules()?;
        let module = all.into_iter().find(|module| module.name() == name);
        let module = module.ok_or_else(|| {
            Error::new(ErrorKind::NotFound)
                .because(format!("the module `{name}` was unloaded just now"))
        })?;
        self.modules.push(module);
        Ok(self.modules.len() - 1)
    }

    /// The address that the kernel's list of symbols says.
    fn listed(&mut self, def: &KernelSymbolDef) -> Result<Address, Error> {
        let text = match self.kallsyms.take() {
            Some(text) => text,
            None => kallsyms::read()?,
        };
        let text = &*self.kallsyms.insert(text);
        let mut addresses: Vec<u64> = kallsyms::all(text)
            .filter(|&(name, _)| name == def.name)
            .map(|(_, address)| address)
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        match addresses[..] {
            [] if def.weak => Ok(Address::Absent),
            [] => {
                let near = |name: &&str| name.len().abs_diff(def.name.len()) <= 3;
                let known = kallsyms::all(text).map(|(name, _)| name).filter(near);
                let known: Vec<String> = known.map(ToOwned::to_owned).collect();
                let error = Error::new(ErrorKind::NotFound).because(format!(
                    "this kernel lists no variable named `{}`{}",
                    def.name,
                    did_you_mean(def.name, &known)
                ));
                Err(match kallsyms::has_variables(text) {
                    true => error,
                    false => error
                        .remedy("it lists few variables: it is built without CONFIG_KALLSYMS_ALL"),
                })
            }
            [0] => Err(Error::new(ErrorKind::Permission)
                .because(format!(
                    "the address of `{}` is hidden from this process",
                    def.name
                ))
                .remedy("run it as root, with CAP_SYSLOG, and see /proc/sys/kernel/kptr_restrict")),
            [address] => Ok(Address::Number(address)),
            _ => Err(Error::new(ErrorKind::Unsupported).because(format!(
                "`{}` is ambiguous: this kernel has {} symbols of that name",
                def.name,
                addresses.len()
            ))),
        }
    }
}

fn missing_function(def: &KernelSymbolDef) -> Error {
    let known = kernel_btf::vmlinux().map(|btf: &Btf<'_>| names(btf, &[Kind::Func], def.name));
    let similar = did_you_mean(def.name, &known.unwrap_or_default());
    Error::new(ErrorKind::NotFound)
        .because(format!(
            "neither this kernel nor its modules have a function named `{}`{similar}",
            def.name
        ))
        .remedy("declare it `#[weak]` if the program works without it")
}
