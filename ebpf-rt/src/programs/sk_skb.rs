//! What sockets in a sockmap receive.

use super::{RawProgram, program_impls};
use crate::capabilities::{self, Capability};
use crate::links::SkSkbLink;
use crate::{Errno, Error, sys};
use ebpf_asm::object::ProgramKind;
use std::os::fd::AsFd;

/// A program that parses or judges what the sockets in a sockmap receive:
/// - `#[sk_skb_verdict]` returns `SK_PASS` (1) or `SK_DROP` (0) for each packet, or what
///   `bpf_sk_redirect_map` returns (Linux 5.13);
/// - `#[sk_skb_stream_verdict]` does that for the messages that an
///   `#[sk_skb_stream_parser]` found, which returns their lengths (Linux 4.14).
///
/// ```
/// use core::ffi::c_void;
/// use ebpf_rt::{SockMap, ebpf};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod wall {
///         static SOCKETS: SockMap = SockMap::with_max_entries(2);
///
///         #[sk_skb_verdict]
///         fn verdict(skb: *const c_void) -> i32 {
///             r0 = 0;                             // SK_DROP
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!(Kernel(5, 13));
///     let wall = wall::load()?;
///     let link = wall.progs.verdict.attach_to(&wall.maps.SOCKETS)?;
///     // Sockets that are put into the map are judged from now on.
///     link.detach()
/// }
/// ```
#[doc(alias = "BPF_PROG_TYPE_SK_SKB")]
#[derive(Debug)]
pub struct SkSkb {
    raw: RawProgram,
}

program_impls!(
    SkSkb,
    ProgramKind::SkSkbStreamParser | ProgramKind::SkSkbStreamVerdict | ProgramKind::SkSkbVerdict
);

impl SkSkb {
    /// Attaches the program to a sockmap or sockhash: it runs for the sockets that are put into
    /// it from then on, until they are taken out. From Linux 6.10 on the attachment is a link
    /// of the kernel.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) if the map has a program of that kind,
    /// or one that excludes it; what `BPF_LINK_CREATE` or, before Linux 6.10,
    /// `BPF_PROG_ATTACH` says.
    #[doc(alias = "BPF_LINK_CREATE")]
    #[doc(alias = "BPF_PROG_ATTACH")]
    pub fn attach_to(&self, map: &impl AsFd) -> Result<SkSkbLink, Error> {
        let program = self.raw.fd()?;
        let Some(attach_type) = self.raw.kind().expected_attach_type() else {
            return Err(self.raw.no_place());
        };
        let map = map.as_fd();
        match sys::bpf::link_create(program, map, attach_type) {
            Ok(link) => return Ok(SkSkbLink::link(link, attach_type)),
            // Linux before 6.10 has no such link. If it is something else, the old way fails
            // too and says what.
            Err(Errno::EINVAL) => {}
            Err(errno) => return Err(self.explain("BPF_LINK_CREATE", errno)),
        }
        // The link's own descriptors first: nothing has to be undone if there are none.
        let failed = |errno| self.explain("dup", errno);
        let ours = sys::socket::duplicate(program).map_err(failed)?;
        let our_map = sys::socket::duplicate(map).map_err(failed)?;
        sys::bpf::prog_attach(program, map, attach_type)
            .map_err(|errno| self.explain("BPF_PROG_ATTACH", errno))?;
        Ok(SkSkbLink::attached(our_map, ours, attach_type))
    }

    fn explain(&self, operation: &str, errno: Errno) -> Error {
        let error = self.raw.error(Error::failed(operation, errno));
        let kind = self.raw.kind();
        match errno {
            Errno::EPERM => capabilities::explain(error, &[Capability::Bpf, Capability::NetAdmin]),
            Errno::EBUSY => error.with_kind(crate::ErrorKind::Exists).because(
                "the map has a program that excludes this one: a verdict goes with a parser or \
                 stands alone",
            ),
            Errno::EOPNOTSUPP => error.because(format!(
                "the map takes no {} program: it has to be a sockmap or sockhash, and the kernel \
                 to be built with CONFIG_BPF_STREAM_PARSER",
                kind.name()
            )),
            Errno::EINVAL => {
                let since = kind.since();
                capabilities::explain_since(
                    error.because("the descriptor is not that of a sockmap"),
                    since.major,
                    since.minor,
                    &format!("a {} program", kind.name()),
                )
            }
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::raw::for_test;
    use crate::sys::script::{Recorded, Script, names, run};

    fn attached(
        script: Script,
        then: impl FnOnce(SkSkbLink, &SkSkb) -> Result<(), Error>,
    ) -> (Result<(), Error>, Vec<Recorded>) {
        let map = std::fs::File::open("/dev/null").unwrap();
        run(script, || {
            let program = SkSkb {
                raw: for_test(ProgramKind::SkSkbVerdict),
            };
            program
                .attach_to(&map)
                .and_then(|link| then(link, &program))
        })
    }

    #[test]
    fn new_kernels_make_a_link() {
        let script = Script::new().fd().value(0).value(0);
        let (result, calls) = attached(script, |mut link, program| {
            link.update(program)?;
            link.detach()
        });
        result.unwrap();
        assert_eq!(
            names(&calls),
            ["BPF_LINK_CREATE", "BPF_LINK_UPDATE", "BPF_LINK_DETACH"]
        );
        assert_eq!(calls[0].u32(8), 38);
    }

    fn old() -> Script {
        Script::new().fails(Errno::EINVAL).fd().fd().value(0)
    }

    #[test]
    fn old_kernels_attach_and_detach_exactly_once() {
        let attach = ["BPF_LINK_CREATE", "dup", "dup", "BPF_PROG_ATTACH"];
        let (result, calls) = attached(old().value(0), |link, _| link.detach());
        result.unwrap();
        assert_eq!(names(&calls[..4]), attach);
        assert_eq!(names(&calls[4..]), ["BPF_PROG_DETACH"]);
        // Dropped, it is detached too; left to itself, it is not.
        let (_, calls) = attached(old().value(0), |_link, _| Ok(()));
        assert_eq!(names(&calls[4..]), ["BPF_PROG_DETACH"]);
        let (_, calls) = attached(old(), |link, _| {
            link.forget();
            Ok(())
        });
        assert_eq!(names(&calls), attach);
        // Another program in its place is the one that is detached.
        let (_, calls) = attached(old().fd().value(0).value(0), |mut link, program| {
            link.update(program)?;
            link.detach()
        });
        assert_eq!(
            names(&calls[4..]),
            ["dup", "BPF_PROG_ATTACH", "BPF_PROG_DETACH"]
        );
    }

    #[test]
    fn a_link_that_is_none_says_so() {
        let (result, _) = attached(old().value(0), |link, _| {
            let error = link.pin("/sys/fs/bpf/x").unwrap_err();
            assert_eq!(
                error.to_string(),
                "the program is attached to the map without a link; links of sockmaps take Linux \
                 6.10"
            );
            drop(link);
            Ok(())
        });
        result.unwrap();
    }
}
