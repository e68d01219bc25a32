//! Names for addresses of a process.

use super::Binary;
use super::binary::FunctionInFile;
use crate::{Errno, Error, sys};
use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// The functions of a process by address, as it is now: what turns the addresses of user
/// stacks in a [`StackTrace`](crate::StackTrace) into names. Feature `uprobes`.
///
/// Files are read when an address in them is looked up first, and only once for all processes
/// that have them. Names are those of the symbol table, of separate debug symbols by build id
/// or of the dynamic symbols, and are not demangled. Code that was made at run time has none.
///
/// ```
/// use ebpf_rt::symbols::ProcessSymbols;
///
/// # kernel_test::example!();
/// let symbols = ProcessSymbols::load(std::process::id())?;
/// let address = libc::getppid as *const () as u64;
/// let symbol = symbols.find(address).expect("it is a function of the C library");
/// assert!(symbol.to_string().starts_with("getppid"), "{symbol}");
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProcessSymbols {
    /// Sorted by address.
    mappings: Vec<Mapping>,
}

/// Code of a file in memory.
#[derive(Clone, Debug)]
struct Mapping {
    start: u64,
    end: u64,
    /// Where in the file it begins.
    offset: u64,
    file: Arc<File>,
}

/// A file, which may not have been read yet.
#[derive(Debug)]
struct File {
    /// As the process sees it.
    path: String,
    /// As we see it.
    path_here: String,
    functions: OnceLock<Vec<FunctionInFile>>,
}

/// A place in the code of a process. Prints as `malloc+0x42 [libc.so.6]`, or `[libc.so.6]`
/// where the file has no name for it.
///
/// ```
/// use ebpf_rt::symbols::ProcessSymbols;
///
/// let symbols = ProcessSymbols::load(std::process::id())?;
/// let symbol = symbols.find(libc::getppid as *const () as u64 + 1).expect("it is in the C library");
/// assert!(symbol.file.contains("libc"));
/// assert!(symbol.function.is_some_and(|(name, offset)| name.contains("getppid") && offset == 1));
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ProcessSymbol<'a> {
    /// The function, if the file names it, and bytes into it.
    pub function: Option<(&'a str, u64)>,
    /// The path of the program or library, as the process sees it.
    pub file: &'a str,
}

/// Files that some process is looked at with now, by device, inode and path.
static FILES: Mutex<BTreeMap<String, Weak<File>>> = Mutex::new(BTreeMap::new());

impl ProcessSymbols {
    /// Reads which files the process has in memory.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such process,
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) if it is another user's, and
    /// what else reading `/proc/PID/maps` says.
    pub fn load(pid: u32) -> Result<Self, Error> {
        let path = format!("/proc/{pid}/maps");
        let maps = sys::fs::read_file(&path).map_err(|errno| {
            let error = Error::failed(format!("reading {path}"), errno);
            match errno {
                Errno::ENOENT | Errno::ESRCH => error
                    .with_kind(crate::ErrorKind::NotFound)
                    .because(format!("there is no process {pid}")),
                _ => error,
            }
        })?;
        Ok(Self {
            mappings: maps.lines().filter_map(|line| mapping(line, pid)).collect(),
        })
    }

    /// The function that this address is in; `None` if it is in no file's code, or the file
    /// cannot be read.
    #[must_use]
    pub fn find(&self, address: u64) -> Option<ProcessSymbol<'_>> {
        let after = self.mappings.partition_point(|m| m.start <= address);
        let mapping = self.mappings.get(after.checked_sub(1)?)?;
        if address >= mapping.end {
            return None;
        }
        let offset = (address - mapping.start).checked_add(mapping.offset)?;
        Some(ProcessSymbol {
            function: mapping.file.function(offset),
            file: &mapping.file.path,
        })
    }
}

/// `55d0c0e00000-55d0c0e21000 r-xp 00002000 fe:01 1234   /usr/bin/cat`
fn mapping(line: &str, pid: u32) -> Option<Mapping> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let is_code = words.next()?.as_bytes().get(2) == Some(&b'x');
    let offset = words.next()?;
    let (device, inode) = (words.next()?, words.next()?);
    let path = words.next()?.trim_start();
    if !is_code || !path.starts_with('/') {
        return None;
    }
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some(Mapping {
        start: number(start)?,
        end: number(end)?,
        offset: number(offset)?,
        file: File::shared(format!("{device} {inode} {path}"), path, pid),
    })
}

impl File {
    fn shared(key: String, path: &str, pid: u32) -> Arc<Self> {
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&key).and_then(Weak::upgrade) {
            return file;
        }
        let file = Arc::new(Self {
            path: path.to_owned(),
            // It may have a root directory of its own.
            path_here: format!("/proc/{pid}/root{path}"),
            functions: OnceLock::new(),
        });
        files.retain(|_, file| file.strong_count() > 0);
        files.insert(key, Arc::downgrade(&file));
        file
    }

    /// The name of the function at an offset in the file, and how far into it that is.
    fn function(&self, offset: u64) -> Option<(&str, u64)> {
        let functions = self.functions.get_or_init(|| {
            // The process may be gone, and the file still be there.
            let binary = Binary::open(&self.path_here).or_else(|_| Binary::open(&self.path));
            binary
                .and_then(|binary| binary.all_functions())
                .unwrap_or_default()
        });
        let after = functions.partition_point(|function| function.offset <= offset);
        let function = functions.get(after.checked_sub(1)?)?;
        let into = offset - function.offset;
        // Functions written in assembly may not say how long they are.
        let is_inside = function.size == 0 || into < function.size;
        is_inside.then_some((function.name.as_str(), into))
    }
}

impl fmt::Display for ProcessSymbol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, offset)) = self.function {
            write!(f, "{name}+{offset:#x} ")?;
        }
        let file = self.file.rsplit('/').next().unwrap_or(self.file);
        write!(f, "[{file}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::sys::script::{Script, run};

    #[test]
    fn this_test_finds_itself() {
        let symbols = ProcessSymbols::load(std::process::id()).unwrap();
        let address = this_test_finds_itself as fn() as usize as u64;
        let symbol = symbols.find(address + 1).unwrap();
        let (name, offset) = symbol.function.unwrap();
        assert!(name.contains("this_test_finds_itself"), "{name}");
        assert_eq!(offset, 1);
        assert_eq!(
            symbol.file,
            std::env::current_exe().unwrap().to_str().unwrap()
        );
        assert!(symbol.to_string().contains("+0x1 ["), "{symbol}");
        // Data is not code.
        assert_eq!(symbols.find(&raw const symbol as u64), None);
        assert_eq!(symbols.find(0), None);
    }

    #[test]
    fn files_without_names_are_told() {
        let maps = "1000-2000 r-xp 00000000 00:01 7      /lib/a b.so\n\
            2000-3000 rw-p 00001000 00:01 7 /lib/a b.so\n\
            4000-5000 r-xp 00000000 00:00 0 \n4000-5000 r-xp 00000000 00:00 0 [vdso]\nx\n";
        let script = Script::new().file("/proc/7/maps", maps);
        let (shown, _) = run(script, || {
            let symbols = ProcessSymbols::load(7).unwrap();
            let find = |address| symbols.find(address).map(|symbol| symbol.to_string());
            [find(0x1000), find(0x2000), find(0x4000), find(0xfff)]
        });
        assert_eq!(shown, [Some("[a b.so]".to_owned()), None, None, None]);
    }

    #[test]
    fn a_process_that_is_gone_is_said() {
        let (result, _) = run(Script::new(), || ProcessSymbols::load(7));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().contains("there is no process 7"),
            "{error}"
        );
    }
}
