//! Names for addresses: of the kernel, and with the feature `uprobes` of processes.
//!
//! ```
//! use ebpf_rt::symbols::KernelSymbols;
//!
//! # kernel_test::example!();
//! let symbols = KernelSymbols::load()?;
//! assert!(symbols.find(0).is_none());             // no function is there
//! # Ok::<(), ebpf_rt::Error>(())
//! ```

use crate::{Error, ErrorKind, kallsyms};
use core::fmt;

#[cfg(feature = "uprobes")]
pub use crate::user_space::{ProcessSymbol, ProcessSymbols};

/// The kernel's functions by address, as they are now: what turns the addresses of a
/// [`StackTrace`](crate::StackTrace) into names.
///
/// ```
/// use ebpf_rt::symbols::KernelSymbols;
///
/// # kernel_test::example!();
/// let symbols = KernelSymbols::load()?;
/// # let text = std::fs::read_to_string("/proc/kallsyms").unwrap();
/// # let line = text.lines().find(|line| line.split(' ').nth(2) == Some("vfs_read")).unwrap();
/// # let address = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap() + 0x2;
/// // `address` is one of a stack in a map.
/// let symbol = symbols.find(address).expect("it is in a function");
/// assert_eq!(symbol.to_string(), "vfs_read+0x2");
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "kallsyms")]
pub struct KernelSymbols {
    text: String,
    /// Address, and where in the text the name begins; sorted.
    starts: Vec<(u64, usize)>,
}

/// A place in a function of the kernel. Prints as `vfs_read+0x42` or `helper+0x2 [module]`.
///
/// ```
/// use ebpf_rt::symbols::{KernelSymbol, KernelSymbols};
///
/// /// Stacks of functions, not of addresses: what flame graphs are made of.
/// fn name(symbol: KernelSymbol<'_>) -> String {
///     match symbol.module {
///         Some(module) => format!("{module}:{}", symbol.name),
///         None => symbol.name.to_owned(),
///     }
/// }
///
/// # kernel_test::example!();
/// let symbols = KernelSymbols::load()?;
/// let last = symbols.find(u64::MAX).expect("the last function of the list");
/// assert!(name(last).ends_with(last.name));
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KernelSymbol<'a> {
    /// The function.
    pub name: &'a str,
    /// The module it belongs to, `bpf` for programs; `None` for the kernel itself.
    pub module: Option<&'a str>,
    /// Bytes into the function.
    pub offset: u64,
}

impl KernelSymbols {
    /// Reads `/proc/kallsyms`, which takes some milliseconds.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`] if addresses are hidden from the process, and what else
    /// reading the file says.
    pub fn load() -> Result<Self, Error> {
        let text = kallsyms::read()?;
        let symbols = Self::parse(text);
        if symbols.starts.is_empty() {
            return Err(Error::new(ErrorKind::Permission)
                .because("/proc/kallsyms shows no addresses to this process")
                .remedy(
                    "run it as root, with CAP_SYSLOG, and see /proc/sys/kernel/kptr_restrict",
                ));
        }
        Ok(symbols)
    }

    fn parse(text: String) -> Self {
        let begin = text.as_ptr() as usize;
        let visible = kallsyms::functions(&text).filter(|&(_, address)| address != 0);
        let mut starts: Vec<(u64, usize)> = visible
            .map(|(name, address)| (address, name.as_ptr() as usize - begin))
            .collect();
        starts.sort_unstable();
        Self { text, starts }
    }

    /// The function that this address is in, as far as addresses tell: the last that begins
    /// at it or before.
    #[must_use]
    pub fn find(&self, address: u64) -> Option<KernelSymbol<'_>> {
        let after = self.starts.partition_point(|&(start, _)| start <= address);
        let &(start, at) = self.starts.get(after.checked_sub(1)?)?;
        let line = self.text.get(at..)?.lines().next()?;
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        let module = words
            .next()
            .map(|module| module.trim_start_matches('[').trim_end_matches(']'));
        Some(KernelSymbol {
            name,
            module,
            offset: address - start,
        })
    }
}

impl fmt::Display for KernelSymbol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:#x}", self.name, self.offset)?;
        match self.module {
            Some(module) => write!(f, " [{module}]"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Script, run};

    fn loaded(text: &str) -> Result<KernelSymbols, Error> {
        run(
            Script::new().file("/proc/kallsyms", text),
            KernelSymbols::load,
        )
        .0
    }

    #[test]
    fn addresses_get_the_name_of_the_function_before_them() {
        let symbols = loaded(
            "ffffffff81000100 T second\nffffffff81000000 t first\nffffffff81000180 D data\n\
             ffffffffc0000000 t helper\t[module]\n",
        )
        .unwrap();
        let shown = |address| symbols.find(address).map(|symbol| symbol.to_string());
        assert_eq!(shown(0xffff_ffff_8100_0000).as_deref(), Some("first+0x0"));
        assert_eq!(shown(0xffff_ffff_8100_00ff).as_deref(), Some("first+0xff"));
        assert_eq!(shown(0xffff_ffff_8100_0190).as_deref(), Some("second+0x90"));
        assert_eq!(
            shown(0xffff_ffff_c000_0002).as_deref(),
            Some("helper+0x2 [module]")
        );
        assert_eq!(shown(0x1000), None);
    }

    #[test]
    fn hidden_addresses_are_an_error() {
        let error = loaded("0000000000000000 T first\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Permission);
        assert!(error.to_string().contains("kptr_restrict"), "{error}");
    }
}
