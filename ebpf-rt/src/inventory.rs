//! All that is loaded on this machine, by whomever: programs, maps, links.
//!
//! ```
//! use ebpf_rt::{HashMap, inventory};
//!
//! # kernel_test::example!();
//! for program in inventory::programs() {
//!     let program = program?;
//!     println!("{:>5} {} {:?}", program.id, program.name, program.program_type);
//! }
//! # let counts = HashMap::<u32, u64>::create(16)?;
//! # let id = counts.info()?.id;
//! assert!(inventory::maps().any(|map| map.is_ok_and(|map| map.id == id)));
//! # Ok::<(), ebpf_rt::Error>(())
//! ```

use crate::capabilities::{self, Capability};
use crate::links::LinkInfo;
use crate::maps::{MapInfo, raw};
use crate::programs::ProgramInfo;
use crate::sys::bpf::{self, Command};
use crate::{Errno, Error};
use std::os::fd::{AsFd, OwnedFd};

/// All programs, in the order of their numbers; those that go away meanwhile are left out.
/// Linux 4.13.
///
/// Each item is an error, and the last, if the kernel refuses:
/// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_SYS_ADMIN`.
///
/// ```
/// use ebpf_rt::inventory;
///
/// # kernel_test::example!();
/// // Which of them have cost the most, while statistics are switched on?
/// let mut programs = inventory::programs().collect::<Result<Vec<_>, _>>()?;
/// programs.sort_by_key(|program| std::cmp::Reverse(program.run_time));
/// for program in programs.iter().take(10) {
///     println!("{:?} {}", program.run_time, program.name);
/// }
/// assert!(programs.is_sorted_by_key(|program| std::cmp::Reverse(program.run_time)));
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_PROG_GET_NEXT_ID")]
pub fn programs() -> impl Iterator<Item = Result<ProgramInfo, Error>> {
    all(Command::ProgGetNextId, Command::ProgGetFdById, |fd| {
        ProgramInfo::of(fd.as_fd()).map_err(no_info)
    })
}

/// All maps, in the order of their numbers; as [`programs`], and one of a kind that is newer
/// than this crate is an error among the others. Linux 4.13.
///
/// ```
/// use ebpf_rt::{HashMap, inventory};
///
/// # kernel_test::example!();
/// let counts = HashMap::<u32, u64>::create(16)?;
/// let id = counts.info()?.id;
/// let found = inventory::maps().find(|map| map.as_ref().is_ok_and(|map| map.id == id));
/// assert_eq!(found.expect("it is there")?.name, "hash_map");
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_MAP_GET_NEXT_ID")]
pub fn maps() -> impl Iterator<Item = Result<MapInfo, Error>> {
    all(Command::MapGetNextId, Command::MapGetFdById, |fd| {
        raw::info(fd.as_fd())
    })
}

/// All links, in the order of their numbers; as [`programs`]. Linux 5.8.
///
/// ```
/// use ebpf_rt::inventory;
///
/// # kernel_test::example!(Kernel(5, 8));
/// let mut last = 0;
/// for link in inventory::links() {
///     let link = link?;
///     println!("{:>5} program {} {:?}", link.id, link.program_id, link.link_type);
///     assert!(link.id > last);                    // in the order of their numbers
///     last = link.id;
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_LINK_GET_NEXT_ID")]
pub fn links() -> impl Iterator<Item = Result<LinkInfo, Error>> {
    all(Command::LinkGetNextId, Command::LinkGetFdById, |fd| {
        LinkInfo::of(fd.as_fd()).map_err(no_info)
    })
}

/// What `info` makes of each object of a kind, in the order of their numbers.
pub(crate) fn all<T>(
    next: Command,
    open: Command,
    info: impl Fn(OwnedFd) -> Result<T, Error>,
) -> impl Iterator<Item = Result<T, Error>> {
    // The number to go on after; nothing after the end or an error.
    let mut after = Some(0);
    std::iter::from_fn(move || {
        loop {
            let id = match bpf::next_id(next, after?) {
                Ok(Some(id)) => id,
                Ok(None) => {
                    after = None;
                    return None;
                }
                Err(errno) => {
                    after = None;
                    return Some(Err(explain(next, errno)));
                }
            };
            after = Some(id);
            match bpf::fd_by_id(open, id) {
                // It is gone, or not whole yet.
                Err(Errno::ENOENT | Errno::EAGAIN) => {}
                Err(errno) => {
                    after = None;
                    return Some(Err(explain(open, errno)));
                }
                Ok(fd) => return Some(info(fd)),
            }
        }
    })
}

pub(crate) fn no_info(errno: Errno) -> Error {
    Error::failed("BPF_OBJ_GET_INFO_BY_FD", errno)
}

fn explain(command: Command, errno: Errno) -> Error {
    let error = Error::failed(command.name(), errno);
    match errno {
        Errno::EPERM => capabilities::explain(error, &[Capability::SysAdmin]),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::sys::Call;
    use crate::sys::script::{Script, names, run};

    fn next(script: Script, id: u32) -> Script {
        script.with(move |call| {
            let Call::Bpf { attr, .. } = call else {
                panic!("{call:?}")
            };
            attr[4..8].copy_from_slice(&id.to_ne_bytes());
            Ok(0)
        })
    }

    #[test]
    fn what_goes_away_meanwhile_is_left_out() {
        let script = next(Script::new(), 3).fails(Errno::ENOENT);
        let script = next(script, 9).fd().value(0).fails(Errno::ENOENT);
        let (found, calls) = run(script, || links().collect::<Result<Vec<_>, _>>());
        assert_eq!(found.unwrap().len(), 1);
        assert_eq!(
            names(&calls),
            [
                "BPF_LINK_GET_NEXT_ID",
                "BPF_LINK_GET_FD_BY_ID",
                "BPF_LINK_GET_NEXT_ID",
                "BPF_LINK_GET_FD_BY_ID",
                "BPF_OBJ_GET_INFO_BY_FD",
                "BPF_LINK_GET_NEXT_ID"
            ]
        );
        assert_eq!(calls[5].u32(0), 9);
    }

    #[test]
    fn a_refusal_is_the_only_item() {
        let script = Script::new().capabilities(0).fails(Errno::EPERM);
        let (found, _) = run(script, || programs().collect::<Vec<_>>());
        let [Err(error)] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(error.kind(), ErrorKind::Permission);
        assert!(error.to_string().contains("CAP_SYS_ADMIN"), "{error}");
    }
}
