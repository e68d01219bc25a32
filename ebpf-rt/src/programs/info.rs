//! What the kernel says about a program.

use crate::{Errno, Error, sys};
use ebpf_asm::ProgramType;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

/// What the kernel says about a program.
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!();
/// let calls = calls::load()?;
/// let info = calls.progs.enter.info()?;
/// assert_eq!(info.name, "enter");
/// assert_eq!(info.translated_size, 16);           // two instructions
/// println!("program {} was loaded by user {}", info.id, info.uid);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "bpf_prog_info")]
pub struct ProgramInfo {
    /// The kernel's number for the program, as `bpftool prog` shows it.
    pub id: u32,
    /// The kernel's name: the first 15 bytes of the one it was given.
    pub name: String,
    /// A digest of the instructions, which is the same for the same program.
    pub tag: [u8; 8],
    /// The kind of program; `None` if it is newer than this crate.
    pub program_type: Option<ProgramType>,
    /// When it was loaded, since the machine was started.
    pub loaded_at: Duration,
    /// Who loaded it.
    pub uid: u32,
    /// Whether its licence is compatible with the GPL.
    pub gpl_compatible: bool,
    /// Bytes of the instructions after the kernel rewrote them.
    pub translated_size: u32,
    /// Bytes of machine code; 0 if it is interpreted.
    pub jited_size: u32,
    /// How many instructions the verifier looked at. Linux 5.16, 0 before.
    pub verified_instructions: u32,
    /// How many maps it uses.
    pub map_count: u32,
    /// The number of its type information; `None` if it has none.
    pub btf_id: Option<u32>,
    /// The number of the type that it was loaded for: in the kernel's BTF, a module's or a
    /// program's; `None` if it was loaded for none. Linux 5.18.
    pub attach_btf_id: Option<u32>,
    /// The number of that BTF. Linux 5.18.
    #[doc(alias = "attach_btf_obj_id")]
    pub attach_btf_object_id: Option<u32>,
    /// How often it ran and how long in all, while [`Statistics`] were switched on.
    pub run_count: u64,
    /// As for `run_count`.
    pub run_time: Duration,
    /// How often it was left out because it was running already on that CPU. Linux 5.12.
    pub recursion_misses: u64,
}

impl ProgramInfo {
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        let info: sys::bpf::ProgInfo = sys::bpf::info(fd)?;
        // The first bit of the word: which that is, is up to the machine.
        let first_bit = if cfg!(target_endian = "little") {
            1
        } else {
            1 << 31
        };
        Ok(Self {
            id: info.id,
            name: sys::bpf::from_kernel_name(&info.name),
            tag: info.tag,
            program_type: ProgramType::from_raw(info.kind),
            loaded_at: Duration::from_nanos(info.load_time),
            uid: info.created_by_uid,
            gpl_compatible: info.gpl_compatible & first_bit != 0,
            translated_size: info.xlated_prog_len,
            jited_size: info.jited_prog_len,
            verified_instructions: info.verified_insns,
            map_count: info.nr_map_ids,
            btf_id: (info.btf_id != 0).then_some(info.btf_id),
            attach_btf_id: (info.attach_btf_id != 0).then_some(info.attach_btf_id),
            attach_btf_object_id: (info.attach_btf_obj_id != 0).then_some(info.attach_btf_obj_id),
            run_count: info.run_cnt,
            run_time: Duration::from_nanos(info.run_time_ns),
            recursion_misses: info.recursion_misses,
        })
    }
}

/// Run time statistics of all programs of the machine, for as long as this value lives: they
/// cost some time in every run. Linux 5.8.
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// use ebpf_rt::programs::{Statistics, TestRun};
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!(Kernel(5, 10));
/// let calls = calls::load()?;
/// let statistics = Statistics::enable()?;
/// calls.progs.enter.test_run(TestRun::new().context(&[0; 16]))?;
/// let info = calls.progs.enter.info()?;
/// println!("{} runs took {:?}", info.run_count, info.run_time);
/// drop(statistics);                               // runs are as quick as before
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it switches the statistics off"]
pub struct Statistics {
    _fd: OwnedFd,
}

impl Statistics {
    /// Switches them on.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without `CAP_SYS_ADMIN`.
    #[doc(alias = "BPF_ENABLE_STATS")]
    pub fn enable() -> Result<Self, Error> {
        use crate::capabilities::{self, Capability};
        match sys::bpf::enable_run_time_statistics() {
            Ok(fd) => Ok(Self { _fd: fd }),
            Err(errno) => {
                let error = Error::failed("BPF_ENABLE_STATS", errno);
                Err(match errno {
                    Errno::EPERM => capabilities::explain(error, &[Capability::SysAdmin]),
                    Errno::EINVAL => capabilities::explain_since(error, 5, 8, "it"),
                    _ => error,
                })
            }
        }
    }
}
