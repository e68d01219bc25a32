//! What an ELF file says about its functions and static probes.

use super::argument::{self, Surroundings, UsdtArgument};
use crate::{Errno, Error, ErrorKind, pattern, sys};
use object::elf::{STT_FUNC, STT_GNU_IFUNC};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, SymbolFlags};

/// An ELF file: a program or a library.
#[derive(Debug)]
pub(crate) struct Binary {
    path: String,
    bytes: Vec<u8>,
}

/// A static probe: one of the places where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StaticProbe {
    pub(crate) provider: String,
    pub(crate) name: String,
    /// Offset in the file.
    pub(crate) offset: u64,
    /// Offset in the file of the counter that says that somebody listens; 0 if there is none.
    pub(crate) semaphore: u64,
    /// Where its arguments are.
    pub(crate) arguments: Vec<UsdtArgument>,
}

/// A function by its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionInFile {
    pub(crate) offset: u64,
    /// Bytes; 0 if the symbol does not say.
    pub(crate) size: u64,
    pub(crate) name: String,
}

/// A function of a file.
#[derive(Clone, Copy, Debug)]
struct Function<'a> {
    name: &'a str,
    address: u64,
    size: u64,
    is_resolver: bool,
}

impl Binary {
    /// Reads the file.
    pub(crate) fn open(path: &str) -> Result<Self, Error> {
        let bytes = sys::fs::read_bytes(path)
            .map_err(|errno| Error::failed(format!("reading {path}"), errno))?;
        let binary = Self {
            path: path.to_owned(),
            bytes,
        };
        binary.parsed()?;
        Ok(binary)
    }

    fn parsed(&self) -> Result<object::File<'_>, Error> {
        parse(&self.path, &self.bytes)
    }

    /// The offset in the file of a function.
    pub(crate) fn function(&self, name: &str) -> Result<u64, Error> {
        let file = self.parsed()?;
        let debug = self.debug_file(&file);
        let debug = debug
            .as_ref()
            .and_then(|(path, bytes)| parse(path, bytes).ok());
        let found = functions(&file).chain(debug.iter().flat_map(functions));
        let Some(function) = found
            .filter(|function| function.name == name)
            .min_by_key(|function| function.is_resolver)
        else {
            return Err(self.no_function(&file, debug.as_ref(), name));
        };
        if function.is_resolver {
            return Err(Error::invalid(format!(
                "`{name}` of {} is chosen when the program starts: a probe on it would see only \
                 the choice",
                self.path
            ))
            .remedy("name the function that is chosen, or give its offset in the file"));
        }
        file_offset(&file, function.address)
            .ok_or_else(|| Error::invalid(format!("`{name}` of {} is not in the file", self.path)))
    }

    /// The offsets in the file of the functions that the pattern describes, each once.
    pub(crate) fn functions(&self, wanted: &str) -> Result<Vec<u64>, Error> {
        let file = self.parsed()?;
        let debug = self.debug_file(&file);
        let debug = debug
            .as_ref()
            .and_then(|(path, bytes)| parse(path, bytes).ok());
        let mut offsets: Vec<u64> = functions(&file)
            .chain(debug.iter().flat_map(functions))
            .filter(|function| !function.is_resolver && pattern::matches(wanted, function.name))
            .filter_map(|function| file_offset(&file, function.address))
            .collect();
        offsets.sort_unstable();
        offsets.dedup();
        if offsets.is_empty() {
            return Err(self.no_function(&file, debug.as_ref(), wanted));
        }
        Ok(offsets)
    }

    /// All functions, sorted by their places, one for each place.
    pub(crate) fn all_functions(&self) -> Result<Vec<FunctionInFile>, Error> {
        let file = self.parsed()?;
        let debug = self.debug_file(&file);
        let debug = debug
            .as_ref()
            .and_then(|(path, bytes)| parse(path, bytes).ok());
        let mut all: Vec<FunctionInFile> = functions(&file)
            .chain(debug.iter().flat_map(functions))
            .filter_map(|function| {
                Some(FunctionInFile {
                    offset: file_offset(&file, function.address)?,
                    size: function.size,
                    name: function.name.to_owned(),
                })
            })
            .collect();
        // Of several names the longest symbol's, and of those the one that is first: `main`
        // before a local name for the same.
        all.sort_by_key(|function| (function.offset, core::cmp::Reverse(function.size)));
        all.dedup_by_key(|function| function.offset);
        Ok(all)
    }

    fn no_function(
        &self,
        file: &object::File<'_>,
        debug: Option<&object::File<'_>>,
        name: &str,
    ) -> Error {
        let operation = format!("looking for `{name}` in {}", self.path);
        let error = Error::failed(operation, Errno::ENOENT);
        let names: Vec<String> = functions(file)
            .chain(debug.into_iter().flat_map(functions))
            .filter(|function| function.name.len().abs_diff(name.len()) <= 3)
            .map(|function| function.name.to_owned())
            .collect();
        let similar = crate::similar::names(name, &names);
        let error = error.because("it has no function of that name");
        if !similar.is_empty() {
            let names: Vec<_> = similar.iter().map(|name| format!("`{name}`")).collect();
            return error.remedy(format!("did you mean {}?", names.join(" or ")));
        }
        if functions(file).next().is_none() {
            return error
                .because("it has no symbols")
                .remedy("install its debug symbols, or give the offset in the file");
        }
        error
    }

    /// The separate file with symbols, by the build id.
    fn debug_file(&self, file: &object::File<'_>) -> Option<(String, Vec<u8>)> {
        let id = file.build_id().ok()??;
        let digits: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let (first, rest) = digits.split_at_checked(2)?;
        let path = format!("/usr/lib/debug/.build-id/{first}/{rest}.debug");
        let bytes = sys::fs::read_bytes(&path).ok()?;
        Some((path, bytes))
    }

    /// The places of a static probe.
    pub(crate) fn static_probe(
        &self,
        provider: &str,
        name: &str,
    ) -> Result<Vec<StaticProbe>, Error> {
        let all = self.static_probes()?;
        let found: Vec<StaticProbe> = all
            .iter()
            .filter(|probe| probe.provider == provider && probe.name == name)
            .cloned()
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let whole = |probe: &StaticProbe| format!("{}:{}", probe.provider, probe.name);
        let wanted = format!("{provider}:{name}");
        let operation = format!("looking for the static probe {wanted} in {}", self.path);
        let error = Error::failed(operation, Errno::ENOENT);
        if all.is_empty() {
            return Err(error.because("it has no static probes"));
        }
        let names: Vec<String> = all.iter().map(whole).collect();
        let error = error.because("it has none of that name");
        let similar = crate::similar::names(&wanted, &names);
        Err(match similar.as_slice() {
            [] => {
                let first: Vec<_> = names
                    .iter()
                    .take(5)
                    .map(|name| format!("`{name}`"))
                    .collect();
                error.remedy(format!("it has {}", first.join(", ")))
            }
            similar => {
                let names: Vec<_> = similar.iter().map(|name| format!("`{name}`")).collect();
                error.remedy(format!("did you mean {}?", names.join(" or ")))
            }
        })
    }

    /// All static probes, sorted, each place once.
    pub(crate) fn static_probes(&self) -> Result<Vec<StaticProbe>, Error> {
        let file = self.parsed()?;
        let Some(notes) = file.section_by_name(".note.stapsdt") else {
            return Ok(Vec::new());
        };
        let notes = notes.data().map_err(|error| self.damaged(error))?;
        let base = file
            .section_by_name(".stapsdt.base")
            .map(|base| base.address());
        let words = Words {
            bytes: notes,
            little: file.is_little_endian(),
            wide: file.is_64(),
        };
        let probes = parse_notes(words, |probe: RawProbe<'_>| {
            // The linker, or prelink after it, may have moved the code since.
            let moved = base.map_or(0, |base| base.wrapping_sub(probe.base));
            let semaphore = match probe.semaphore {
                0 => 0,
                address => file_offset(&file, address.wrapping_add(moved))?,
            };
            Some(StaticProbe {
                provider: probe.provider.to_owned(),
                name: probe.name.to_owned(),
                offset: file_offset(&file, probe.address.wrapping_add(moved))?,
                semaphore,
                arguments: argument::parse(
                    probe.arguments,
                    &Surroundings {
                        architecture: file.architecture(),
                        // Symbols were moved with the code.
                        probe: probe.address.wrapping_add(moved),
                        symbol: &|name| variable(&file, name),
                    },
                ),
            })
        });
        let mut probes = probes.ok_or_else(|| {
            Error::invalid(format!(
                "the notes about static probes in {} are damaged",
                self.path
            ))
        })?;
        probes.sort();
        probes.dedup();
        Ok(probes)
    }

    fn damaged(&self, error: object::Error) -> Error {
        Error::invalid(format!("{} is damaged: {error}", self.path)).caused_by(error)
    }
}

fn parse<'a>(path: &str, bytes: &'a [u8]) -> Result<object::File<'a>, Error> {
    object::File::parse(bytes).map_err(|error| {
        Error::invalid(format!("{path} is not an ELF file: {error}"))
            .with_kind(ErrorKind::Invalid)
            .caused_by(error)
    })
}

/// The functions that are defined in the file, by their names without a version.
fn functions<'a, 'b>(
    file: &'b object::File<'a>,
) -> impl Iterator<Item = Function<'a>> + use<'a, 'b> {
    file.symbols()
        .chain(file.dynamic_symbols())
        .filter_map(|symbol| {
            let SymbolFlags::Elf { st_info, .. } = symbol.flags() else {
                return None;
            };
            let kind = st_info & 0xf;
            let is_function = kind == STT_FUNC || kind == STT_GNU_IFUNC;
            if !is_function || symbol.is_undefined() || symbol.address() == 0 {
                return None;
            }
            let name = symbol.name().ok()?;
            Some(Function {
                name: name.split('@').next().unwrap_or(name),
                address: symbol.address(),
                size: symbol.size(),
                is_resolver: kind == STT_GNU_IFUNC,
            })
        })
}

/// The address of a variable that is defined in the file.
fn variable(file: &object::File<'_>, name: &str) -> Option<u64> {
    file.symbols()
        .chain(file.dynamic_symbols())
        .find(|symbol| !symbol.is_undefined() && symbol.name() == Ok(name))
        .map(|symbol| symbol.address())
}

/// Where in the file a byte of memory comes from.
fn file_offset(file: &object::File<'_>, address: u64) -> Option<u64> {
    file.segments().find_map(|segment| {
        let (offset, size) = segment.file_range();
        let within = address.checked_sub(segment.address())?;
        (within < size).then(|| offset.checked_add(within))?
    })
}

/// A note as it stands in the file.
struct RawProbe<'a> {
    address: u64,
    base: u64,
    semaphore: u64,
    provider: &'a str,
    name: &'a str,
    arguments: &'a str,
}

/// Bytes that numbers are taken from the front of.
#[derive(Clone, Copy)]
struct Words<'a> {
    bytes: &'a [u8],
    little: bool,
    wide: bool,
}

impl<'a> Words<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(match self.little {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        })
    }

    /// A number of the size of an address.
    fn address(&mut self) -> Option<u64> {
        if !self.wide {
            return self.u32().map(u64::from);
        }
        let bytes = self.take(8)?.try_into().ok()?;
        Some(match self.little {
            true => u64::from_le_bytes(bytes),
            false => u64::from_be_bytes(bytes),
        })
    }

    /// A text that a zero byte ends.
    fn text(&mut self) -> Option<&'a str> {
        let end = self.bytes.iter().position(|&byte| byte == 0)?;
        let text = core::str::from_utf8(self.take(end)?).ok()?;
        self.take(1)?;
        Some(text)
    }

    /// The bytes of a part of a note; the next begins at a multiple of four.
    fn part(&mut self, length: u32) -> Option<Self> {
        let length = usize::try_from(length).ok()?;
        let bytes = self.take(length)?;
        // The last may end without padding.
        let padding = length.next_multiple_of(4) - length;
        self.take(padding.min(self.bytes.len()))?;
        Some(Self { bytes, ..*self })
    }
}

/// The notes of `.note.stapsdt`; `None` if they are damaged. Those that `probe` has no use for
/// are left out.
fn parse_notes<T>(
    mut words: Words<'_>,
    mut probe: impl FnMut(RawProbe<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    const NT_STAPSDT: u32 = 3;
    let mut found = Vec::new();
    while !words.bytes.is_empty() {
        let (owner, description, kind) = (words.u32()?, words.u32()?, words.u32()?);
        let owner = words.part(owner)?;
        let mut description = words.part(description)?;
        if kind != NT_STAPSDT || owner.bytes != b"stapsdt\0" {
            continue;
        }
        let raw = RawProbe {
            address: description.address()?,
            base: description.address()?,
            semaphore: description.address()?,
            provider: description.text()?,
            name: description.text()?,
            // Of probes of very old notes there is none.
            arguments: description.text().unwrap_or_default(),
        };
        found.extend(probe(raw));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Script, run};

    fn note(owner: &[u8], kind: u32, description: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [owner.len() as u32, description.len() as u32, kind] {
            bytes.extend(number.to_le_bytes());
        }
        for part in [owner, description] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    fn probe(address: u64) -> Vec<u8> {
        let mut description = Vec::new();
        for number in [address, 0x1000, 0] {
            description.extend(number.to_le_bytes());
        }
        description.extend(b"mine\0start\0-4@%eax\0");
        note(b"stapsdt\0", 3, &description)
    }

    fn words(bytes: &[u8]) -> Words<'_> {
        Words {
            bytes,
            little: true,
            wide: true,
        }
    }

    #[test]
    fn notes_of_others_are_left_out() {
        let mut bytes = note(b"GNU\0", 3, b"12345");
        bytes.extend(probe(0x1234));
        bytes.extend(probe(0x2234));
        let found = parse_notes(words(&bytes), |probe| {
            assert_eq!((probe.provider, probe.name), ("mine", "start"));
            assert_eq!(probe.arguments, "-4@%eax");
            Some(probe.address)
        });
        assert_eq!(found.unwrap(), [0x1234, 0x2234]);
    }

    #[test]
    fn damaged_notes_are_no_panic() {
        let whole = probe(0x1234);
        for end in 1..whole.len() - 3 {
            assert!(
                parse_notes(words(&whole[..end]), |_| Some(())).is_none(),
                "{end}"
            );
        }
        let huge = [0xff; 12];
        assert!(parse_notes(words(&huge), |_| Some(())).is_none());
    }

    #[test]
    fn this_test_has_its_own_functions() {
        let path = std::env::current_exe().unwrap();
        let binary = Binary::open(path.to_str().unwrap()).unwrap();
        let offset = binary.function("main").unwrap();
        assert!(offset > 0);
        assert_eq!(binary.functions("main").unwrap(), [offset]);
        let error = binary.function("mian").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().ends_with("did you mean `main`?"),
            "{error}"
        );
    }

    #[test]
    fn other_files_are_refused() {
        let script = Script::new().file("/bin/script", "#!/bin/sh\n");
        let (result, _) = run(script, || Binary::open("/bin/script"));
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error
                .to_string()
                .starts_with("/bin/script is not an ELF file"),
            "{error}"
        );
    }
}
