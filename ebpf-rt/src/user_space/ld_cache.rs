//! The dynamic linker's list of libraries, `/etc/ld.so.cache` (ldconfig(8)).

/// The beginning of glibc's list since 2.2; the end of the format before it, if both are there.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// The format before, of which some files have both.
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0\0";
const HEADER: usize = 48;
const ENTRY: usize = 24;
const OLD_ENTRY: usize = 12;

/// What the linker calls libraries of this process's kind: `FLAG_ELF_LIBC6` and the architecture's
/// `FLAG_…_LIB64`. `None` where this is not known: then all count.
const FLAGS: Option<u32> = if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
    Some(0x0303)
} else if cfg!(target_arch = "aarch64") {
    Some(0x0a03)
} else if cfg!(target_arch = "s390x") {
    Some(0x0403)
} else if cfg!(target_arch = "powerpc64") {
    Some(0x0503)
} else if cfg!(target_arch = "riscv64") {
    Some(0x1003)
} else {
    None
};

/// A library: its soname and its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Library<'a> {
    pub(super) soname: &'a str,
    pub(super) path: &'a str,
}

/// The libraries for this kind of process, in the linker's order, without those for certain CPUs
/// only; none if the file is in a format that is not known.
pub(super) fn libraries(bytes: &[u8]) -> impl Iterator<Item = Library<'_>> {
    let bytes = newest(bytes).unwrap_or_default();
    let count = u32_at(bytes, MAGIC.len()).unwrap_or(0);
    let entries = bytes.get(HEADER..).unwrap_or_default();
    entries
        .chunks_exact(ENTRY)
        .take(count as usize)
        .filter_map(|entry| {
            let flags = u32_at(entry, 0)?;
            let needs_cpu = entry.get(16..24)?.iter().any(|&byte| byte != 0);
            if needs_cpu || FLAGS.is_some_and(|wanted| wanted != flags) {
                return None;
            }
            Some(Library {
                soname: text_at(bytes, u32_at(entry, 4)?)?,
                path: text_at(bytes, u32_at(entry, 8)?)?,
            })
        })
}

/// The part in the newest format, whose offsets count from its own beginning.
fn newest(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.starts_with(MAGIC) {
        return Some(bytes);
    }
    if !bytes.starts_with(OLD_MAGIC) {
        return None;
    }
    let count = usize::try_from(u32_at(bytes, OLD_MAGIC.len())?).ok()?;
    let end = count.checked_mul(OLD_ENTRY)?.checked_add(16)?;
    let rest = bytes.get(end.checked_next_multiple_of(8)?..)?;
    rest.starts_with(MAGIC).then_some(rest)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// The text at this offset, which a zero byte ends.
fn text_at(bytes: &[u8], at: u32) -> Option<&str> {
    let rest = bytes.get(usize::try_from(at).ok()?..)?;
    let end = rest.iter().position(|&byte| byte == 0)?;
    core::str::from_utf8(rest.get(..end)?).ok()
}

/// A list of these libraries, each with its flags and the CPU that it needs.
#[cfg(test)]
pub(super) fn for_test(libraries: &[(&str, &str, u32, u64)]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((libraries.len() as u32).to_ne_bytes());
    bytes.resize(HEADER, 0);
    let mut texts = Vec::new();
    let start = HEADER + libraries.len() * ENTRY;
    for (soname, path, flags, cpu) in libraries {
        bytes.extend(flags.to_ne_bytes());
        for text in [soname, path] {
            bytes.extend(((start + texts.len()) as u32).to_ne_bytes());
            texts.extend(text.bytes().chain([0]));
        }
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(cpu.to_ne_bytes());
    }
    bytes.extend(texts);
    bytes
}

/// The flags of libraries for this process.
#[cfg(test)]
pub(super) const OURS: u32 = match FLAGS {
    Some(flags) => flags,
    None => 3,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_this_process_are_read() {
        let list = for_test(&[
            (
                "libq.so.1",
                "/lib/glibc-hwcaps/x86-64-v3/libq.so.1",
                OURS,
                1 << 62,
            ),
            ("libq.so.1", "/lib/libq.so.1", OURS, 0),
            ("libz.so", "/opt/libz.so", OURS, 0),
        ]);
        let expected = [("libq.so.1", "/lib/libq.so.1"), ("libz.so", "/opt/libz.so")]
            .map(|(soname, path)| Library { soname, path });
        assert_eq!(libraries(&list).collect::<Vec<_>>(), expected);
        // Behind the format before it.
        let mut both = OLD_MAGIC.to_vec();
        both.extend(1_u32.to_ne_bytes());
        both.extend([0xff; OLD_ENTRY]);
        both.resize(both.len().next_multiple_of(8), 0);
        both.extend(&list);
        assert_eq!(libraries(&both).collect::<Vec<_>>(), expected);
    }

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    #[test]
    fn libraries_of_other_processes_are_left_out() {
        // 32 bits on a machine of 64.
        let list = for_test(&[("libq.so.1", "/lib32/libq.so.1", 0x0003, 0)]);
        assert_eq!(libraries(&list).count(), 0);
    }

    #[test]
    fn damaged_files_are_no_panic() {
        let list = for_test(&[("libq.so.1", "/lib/libq.so.1", OURS, 0)]);
        for end in 0..list.len() {
            assert_eq!(libraries(&list[..end]).count(), 0, "{end}");
        }
        let mut many = list.clone();
        many[MAGIC.len()..MAGIC.len() + 4].fill(0xff);
        assert_eq!(
            libraries(&many).next().map(|first| first.soname),
            Some("libq.so.1")
        );
        let mut old = OLD_MAGIC.to_vec();
        old.extend([0xff; 64]);
        assert_eq!(libraries(&old).count(), 0);
    }
}
