//! Answers to system calls in unit tests, instead of the kernel's.
//!
//! [`run`] puts a script in place for the current thread: each call takes the next answer and
//! is recorded. File reads are answered from the script's files, by path, and not recorded.

use super::{Call, Result, bpf::Command};
use crate::Errno;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsRawFd, IntoRawFd};

type Answer = Box<dyn FnOnce(&mut Call<'_>) -> Result<i64>>;

/// What the kernel is to say.
#[derive(Default)]
pub(crate) struct Script {
    answers: VecDeque<Answer>,
    files: HashMap<String, Vec<u8>>,
    directories: HashMap<String, Vec<String>>,
    release: String,
    calls: Vec<Recorded>,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// The kernel's name of the call or of the bpf(2) command.
    pub(crate) name: &'static str,
    /// The attribute struct of bpf(2), the path of openat(2), the numbers of the others.
    pub(crate) attr: Vec<u8>,
}

impl Recorded {
    /// The attribute's 32-bit number at this offset.
    pub(crate) fn u32(&self, offset: usize) -> u32 {
        bytemuck::pod_read_unaligned(&self.attr[offset..offset + 4])
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Script>> = const { RefCell::new(None) };
}

impl Script {
    /// A machine with Linux 6.18, two CPUs, and a process with all capabilities.
    pub(crate) fn new() -> Self {
        Self::default()
            .release("6.18.44")
            .file("/sys/devices/system/cpu/possible", "0-1\n")
            .file("/proc/sys/kernel/unprivileged_bpf_disabled", "2\n")
            .capabilities(0x1ff_ffff_ffff)
    }

    pub(crate) fn release(mut self, release: &str) -> Self {
        self.release = release.to_owned();
        self
    }

    pub(crate) fn file(mut self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let content = text.as_ref().to_vec();
        self.files.insert(path.to_owned(), content);
        self
    }

    pub(crate) fn directory(mut self, path: &str, names: &[&str]) -> Self {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        self.directories.insert(path.to_owned(), names);
        self
    }

    pub(crate) fn capabilities(self, effective: u64) -> Self {
        self.file(
            "/proc/thread-self/status",
            format!("Name:\ttest\nCapEff:\t{effective:016x}\n"),
        )
    }

    /// The next answer is computed from the call.
    pub(crate) fn with(
        mut self,
        answer: impl FnOnce(&mut Call<'_>) -> Result<i64> + 'static,
    ) -> Self {
        self.answers.push_back(Box::new(answer));
        self
    }

    /// The next call succeeds with this result.
    pub(crate) fn value(self, value: i64) -> Self {
        self.with(move |_| Ok(value))
    }

    /// The next call gives a descriptor: a real one, so that it can be closed.
    pub(crate) fn fd(self) -> Self {
        self.with(|_| {
            let null = std::fs::File::open("/dev/null").expect("/dev/null");
            Ok(i64::from(null.into_raw_fd()))
        })
    }

    /// The next call fails.
    pub(crate) fn fails(self, errno: Errno) -> Self {
        self.with(move |_| Err(errno))
    }
}

/// Runs `test` against the script; its result, and the calls it made.
///
/// # Panics
/// If a call finds no answer left, or answers are left over.
pub(crate) fn run<T>(script: Script, test: impl FnOnce() -> T) -> (T, Vec<Recorded>) {
    /// The thread may run another test after one that panicked.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }
    let reset = Reset;
    CURRENT.set(Some(script));
    let result = test();
    let script = CURRENT.take().expect("the script is in place");
    drop(reset);
    assert!(
        script.answers.is_empty(),
        "{} answers were not asked for after {:?}",
        script.answers.len(),
        script
            .calls
            .iter()
            .map(|call| call.name)
            .collect::<Vec<_>>(),
    );
    (result, script.calls)
}

/// The names of calls, for comparison.
pub(crate) fn names(calls: &[Recorded]) -> Vec<&'static str> {
    calls.iter().map(|call| call.name).collect()
}

/// The script's answer; `None` if this thread has no script.
pub(super) fn answer(call: &mut Call<'_>) -> Option<Result<i64>> {
    CURRENT.with_borrow_mut(|current| {
        let script = current.as_mut()?;
        match call {
            Call::ReadFile { path, into } => {
                let Some(text) = script.files.get(*path) else {
                    return Some(Err(Errno::ENOENT));
                };
                into.extend_from_slice(text);
                return Some(Ok(0));
            }
            Call::ListDirectory { path, into } => {
                // Directories below a descriptor are known by their end.
                let found = script
                    .directories
                    .iter()
                    .find(|(known, _)| path.ends_with(known.as_str()));
                let Some((_, names)) = found else {
                    return Some(Err(Errno::ENOENT));
                };
                into.extend(names.iter().cloned());
                return Some(Ok(0));
            }
            Call::Release { into } => {
                into.push_str(&script.release);
                return Some(Ok(0));
            }
            _ => {}
        }
        let recorded = record(call);
        let answer = script.answers.pop_front();
        script.calls.push(recorded.clone());
        let answer = answer.unwrap_or_else(|| panic!("unexpected call: {recorded:?}"));
        Some(answer(call))
    })
}

fn record(call: &Call<'_>) -> Recorded {
    let numbers = |numbers: &[u64]| numbers.iter().flat_map(|n| n.to_ne_bytes()).collect();
    let fd = |fd: &std::os::fd::BorrowedFd<'_>| fd.as_raw_fd() as u64;
    let (name, attr) = match call {
        Call::Bpf { command, attr } => (Command::name(*command), attr.to_vec()),
        Call::BpfWithLog { command, attr, .. } => (Command::name(*command), attr.to_vec()),
        Call::PerfEventOpen { attr, .. } => ("perf_event_open", attr.to_vec()),
        Call::Ioctl {
            request, argument, ..
        } => ("ioctl", numbers(&[u64::from(*request), *argument])),
        Call::SetSockOpt { option, value, .. } => {
            ("setsockopt", numbers(&[*option as u64, *value as u64]))
        }
        Call::Duplicate { fd: f } => ("dup", numbers(&[fd(f)])),
        Call::Map { length, .. } => ("mmap", numbers(&[*length as u64])),
        #[cfg(feature = "vm")]
        Call::MemoryFile { length } => ("memfd_create", numbers(&[*length as u64])),
        #[cfg(feature = "vm")]
        Call::ReadAt { offset, .. } => ("pread", numbers(&[*offset as u64])),
        #[cfg(feature = "vm")]
        Call::WriteAt { offset, .. } => ("pwrite", numbers(&[*offset as u64])),
        #[cfg(feature = "btf")]
        Call::MapFile { length, .. } => ("mmap", numbers(&[*length as u64])),
        #[cfg(feature = "btf")]
        Call::FileSize { .. } => ("fstat", Vec::new()),
        Call::Unmap { length, .. } => ("munmap", numbers(&[*length as u64])),
        Call::FsOpen { name } => ("fsopen", name.to_bytes().to_vec()),
        Call::FsCreate { .. } => ("fsconfig", Vec::new()),
        Call::FsMount { .. } => ("fsmount", Vec::new()),
        Call::OpenAt { path, .. } => ("openat", path.to_bytes().to_vec()),
        Call::Read { buffer, .. } => ("read", numbers(&[buffer.len() as u64])),
        Call::Poll { milliseconds, .. } => ("poll", numbers(&[*milliseconds as u64])),
        Call::PollMany { milliseconds, .. } => ("poll", numbers(&[*milliseconds as u64])),
        Call::Unlink { path } => ("unlink", path.to_bytes().to_vec()),
        Call::MakeDirectory { path } => ("mkdir", path.to_bytes().to_vec()),
        Call::RemoveDirectory { path } => ("rmdir", path.to_bytes().to_vec()),
        Call::UnlimitMemlock => ("setrlimit", Vec::new()),
        Call::ReadFile { .. } | Call::ListDirectory { .. } | Call::Release { .. } => {
            unreachable!("answered from the script's files")
        }
    };
    Recorded { name, attr }
}
