//! The kernel's functions: which there are, and where.

use crate::tracefs::Tracefs;
use crate::{Errno, Error, ErrorKind, pattern, sys};

/// The functions of `/proc/kallsyms`: name and address. Addresses are 0 for who may not see
/// them.
pub(crate) fn functions(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        let is_function = matches!(words.next()?, "t" | "T" | "w" | "W");
        is_function.then_some((words.next()?, address))
    })
}

/// All symbols of `/proc/kallsyms`, those of modules among them: name and address.
#[cfg(feature = "btf")]
pub(crate) fn all(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((words.nth(1)?, address))
    })
}

/// Whether `/proc/kallsyms` has variables, and not only functions and some borders of sections.
#[cfg(feature = "btf")]
pub(crate) fn has_variables(text: &str) -> bool {
    let mut kinds = text
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(1));
    kinds.any(|kind| matches!(kind, "d" | "b"))
}

/// Names in order, each once, for look-ups by [`has`].
fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn has(sorted: &[&str], name: &str) -> bool {
    sorted.binary_search(&name).is_ok()
}

pub(crate) fn read() -> Result<String, Error> {
    const PATH: &str = "/proc/kallsyms";
    sys::fs::read_file(PATH).map_err(|errno| Error::failed(format!("reading {PATH}"), errno))
}

/// Functions like this one.
fn similar(name: &str) -> Option<Vec<String>> {
    let text = read().ok()?;
    // The names are many: those of another length are not looked at closely.
    let near = |other: &&str| other.len().abs_diff(name.len()) <= 3;
    let names = sorted(functions(&text).map(|(name, _)| name).filter(near));
    if has(&names, name) {
        return None;
    }
    let names: Vec<String> = names.into_iter().map(ToOwned::to_owned).collect();
    Some(crate::similar::names(name, &names))
}

/// Completes an error about a function that cannot be found.
pub(crate) fn explain_missing(error: Error, name: &str) -> Error {
    match similar(name) {
        None => error.because(format!(
            "`{name}` is in the kernel, but a probe cannot be set on it: it may be inlined, not \
             traceable, or there several times"
        )),
        Some(similar) => {
            let error = error
                .with_kind(ErrorKind::NotFound)
                .because(format!("this kernel has no function named `{name}`"));
            match similar.is_empty() {
                true => error.remedy("/proc/kallsyms lists those it has"),
                false => crate::similar::did_you_mean(error, &similar),
            }
        }
    }
}

/// Completes an error about one of several functions that cannot be found.
pub(crate) fn explain_one_of(error: Error, names: &[&str]) -> Error {
    let Ok(text) = read() else {
        return error;
    };
    let known = sorted(functions(&text).map(|(name, _)| name));
    match names.iter().find(|name| !has(&known, name)) {
        Some(missing) => explain_missing(error, missing),
        None => error.because("one of the functions cannot be traced"),
    }
}

/// Functions that many probes can be set on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// By address, which is exact where a name is there several times.
    Addresses(Vec<u64>),
    /// By name, where addresses are hidden.
    Symbols(Vec<String>),
}

/// The functions that the pattern describes, of those that can be traced.
pub(crate) fn matching(wanted: &str) -> Result<Found, Error> {
    let operation = format!("looking for functions like `{wanted}`");
    let text = read()?;
    let matches = |name: &&str| pattern::matches(wanted, name);
    let mut names = sorted(functions(&text).map(|(name, _)| name).filter(matches));
    // Not all can be traced, and one of them refuses all.
    let traceable = Tracefs::open()
        .ok()
        .and_then(|tracefs| tracefs.functions().ok());
    if let Some(traceable) = &traceable {
        let traceable = traceable
            .lines()
            .filter_map(|line| line.split_ascii_whitespace().next());
        let traceable = sorted(traceable.filter(matches));
        names.retain(|name| has(&traceable, name));
    }
    if names.is_empty() {
        let error = Error::failed(operation, Errno::ENOENT)
            .because("this kernel has no function of that name that can be traced");
        return Err(error.remedy("available_filter_functions of tracefs lists those it has"));
    }
    let mut addresses: Vec<u64> = functions(&text)
        .filter(|(name, _)| has(&names, name))
        .map(|(_, address)| address)
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    // A name that several functions have stands for all, some of which may not be traceable.
    if addresses.first() == Some(&0) || addresses.len() != names.len() {
        return Ok(Found::Symbols(
            names.into_iter().map(ToOwned::to_owned).collect(),
        ));
    }
    Ok(Found::Addresses(addresses))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Call;
    use crate::sys::script::{Script, run};

    const SYMBOLS: &str = "ffffffff81000000 T vfs_read\nffffffff81000100 t vfs_write\n\
        ffffffff81000200 D vfs_data\nffffffff81000300 T vfs_secret\nffffffff81000400 T vfs_mod [fs]\n";

    fn found(symbols: &str, traceable: &'static str) -> Result<Found, Error> {
        let script = Script::new().file("/proc/kallsyms", symbols).fd().fd().fd();
        let script = script
            .with(move |call| {
                let Call::Read { buffer, .. } = call else {
                    panic!("{call:?}")
                };
                buffer[..traceable.len()].copy_from_slice(traceable.as_bytes());
                Ok(traceable.len() as i64)
            })
            .value(0);
        run(script, || matching("vfs_*")).0
    }

    #[test]
    fn only_functions_that_can_be_traced_are_taken() {
        let traceable = "vfs_read\nvfs_write\nvfs_mod [fs]\nother\n";
        assert_eq!(
            found(SYMBOLS, traceable).unwrap(),
            Found::Addresses(vec![
                0xffff_ffff_8100_0000,
                0xffff_ffff_8100_0100,
                0xffff_ffff_8100_0400
            ])
        );
    }

    #[test]
    fn hidden_addresses_leave_the_names() {
        let hidden = "0000000000000000 T vfs_read\n0000000000000000 T vfs_write\n";
        assert_eq!(
            found(hidden, "vfs_read\nvfs_write\n").unwrap(),
            Found::Symbols(vec!["vfs_read".into(), "vfs_write".into()])
        );
    }

    #[test]
    fn none_is_an_error() {
        let error = found(SYMBOLS, "other\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().contains("functions like `vfs_*`"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_name_brings_the_right_one() {
        let script = Script::new().file("/proc/kallsyms", SYMBOLS);
        let (error, _) = run(script, || {
            explain_missing(Error::failed("perf_event_open", Errno::ENOENT), "vfs_raed")
        });
        assert_eq!(
            error.to_string(),
            "perf_event_open failed with ENOENT: this kernel has no function named `vfs_raed`; \
             did you mean `vfs_read`?"
        );
    }
}
