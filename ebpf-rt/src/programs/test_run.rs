//! Running a program without what it is for: with a context and data of the caller's.

use super::RawProgram;
use crate::sys::bpf::TestInput;
use crate::{Errno, Error, sys};
use std::time::Duration;

/// What a program is run with, see [`RawProgram::test_run`].
///
/// ```
/// use core::ffi::c_void;
/// use core::mem::offset_of;
/// use ebpf_rt::{context::__sk_buff, ebpf, programs::TestRun};
///
/// ebpf! {
///     #[license = "GPL"]
///     mod lengths {
///         #[socket_filter]
///         fn keep(skb: *const __sk_buff) -> i32 {
///             r0 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
///             exit;
///         }
///     }
/// }
///
/// fn main() -> Result<(), ebpf_rt::Error> {
///     # kernel_test::example!();
///     let keep = lengths::load()?.progs.keep;
///     let packet = [0; 64];                       // with its Ethernet header
///     let result = keep.test_run(TestRun::new().data(&packet).repeat(1000))?;
///     assert_eq!(result.return_value, 64 - 14);
///     println!("a run takes {:?}", result.duration);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct TestRun<'a> {
    data: &'a [u8],
    context: &'a [u8],
    repeat: u32,
    cpu: Option<u32>,
}

impl<'a> TestRun<'a> {
    /// Nothing: no data, no context, one run.
    pub const fn new() -> Self {
        Self {
            data: &[],
            context: &[],
            repeat: 0,
            cpu: None,
        }
    }

    /// The packet, for programs that see packets: with its Ethernet header, at least 14 bytes.
    pub const fn data(self, data: &'a [u8]) -> Self {
        Self { data, ..self }
    }

    /// The bytes of the context; of raw trace points the arguments.
    pub const fn context(self, context: &'a [u8]) -> Self {
        Self { context, ..self }
    }

    /// Runs it so many times; the duration is the average.
    pub const fn repeat(self, times: u32) -> Self {
        Self {
            repeat: times,
            ..self
        }
    }

    /// Runs it on this CPU: raw trace points only.
    ///
    /// ```
    /// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
    ///
    /// use ebpf_rt::programs::TestRun;
    ///
    /// # fn main() -> Result<(), ebpf_rt::Error> {
    /// #     kernel_test::example!(Kernel(5, 10));
    /// let calls = calls::load()?;
    /// let run = TestRun::new().context(&[0; 16]).cpu(0);      // the arguments; on CPU 0
    /// assert_eq!(calls.progs.enter.test_run(run)?.return_value, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "BPF_F_TEST_RUN_ON_CPU")]
    pub const fn cpu(self, cpu: u32) -> Self {
        Self {
            cpu: Some(cpu),
            ..self
        }
    }
}

/// What came of a test run.
///
/// ```
/// # ebpf_rt::ebpf! { #[license = "GPL"] mod calls { #[raw_tracepoint("sys_enter")] fn enter(ctx: *mut core::ffi::c_void) -> i32 { r0 = 0; exit; } } }
///
/// use ebpf_rt::programs::{Program, TestRun};
///
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// #     kernel_test::example!(Kernel(5, 10));
/// let calls = calls::load()?;
/// // By a handle of any kind; which kinds can be run is up to the kernel.
/// let result = calls.progs.enter.as_raw().test_run(TestRun::new().context(&[0; 16]))?;
/// assert_eq!(result.return_value, 0);
/// assert!(result.data.is_empty());                // of programs that see packets: the packet
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestResult {
    /// What the program returned.
    pub return_value: u32,
    /// How long a run took on average, in whole nanoseconds; zero if the kernel does not
    /// measure it for this kind.
    pub duration: Duration,
    /// The data as the program left them.
    pub data: Vec<u8>,
    /// The context as the program left it, of kinds whose context can be given.
    pub context: Vec<u8>,
}

impl RawProgram {
    /// Runs the program now, with a context and data that are given, and not where it is
    /// attached. Linux 4.12. Which kinds can be run is up to the kernel: those that see
    /// packets, raw trace points (5.10), and some more.
    ///
    /// # Errors
    /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not loaded;
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the kernel cannot run this
    /// kind; what `BPF_PROG_TEST_RUN` says.
    #[doc(alias = "BPF_PROG_TEST_RUN")]
    pub fn test_run(&self, run: TestRun<'_>) -> Result<TestResult, Error> {
        const RUN_ON_CPU: u32 = 1;
        /// What a program may put before a packet.
        const HEADROOM: usize = 256;
        let fd = self.fd()?;
        let mut data = match run.data.len() {
            0 => Vec::new(),
            length => vec![0; length + HEADROOM],
        };
        // Of raw trace points the context is the arguments, which do not come back.
        let comes_back = self.kind().program_type() != ebpf_asm::ProgramType::RawTracepoint;
        let mut context = vec![0; if comes_back { run.context.len() } else { 0 }];
        let mut input = TestInput {
            data: run.data,
            context: run.context,
            data_out: &mut data,
            context_out: &mut context,
            repeat: run.repeat,
            flags: if run.cpu.is_some() { RUN_ON_CPU } else { 0 },
            cpu: run.cpu.unwrap_or(0),
        };
        let output = sys::bpf::test_run(fd, &mut input)
            .map_err(|errno| self.error(self.explain_test_run(errno, &run)))?;
        data.truncate(output.data_size as usize);
        context.truncate(output.context_size as usize);
        Ok(TestResult {
            return_value: output.retval,
            duration: Duration::from_nanos(output.duration.into()),
            data,
            context,
        })
    }

    fn explain_test_run(&self, errno: Errno, run: &TestRun<'_>) -> Error {
        let error = Error::failed("BPF_PROG_TEST_RUN", errno);
        let raw = self.kind().program_type() == ebpf_asm::ProgramType::RawTracepoint;
        match errno {
            Errno::ENOTSUPP => error.because(format!(
                "this kernel cannot run {} programs by request",
                self.kind().name()
            )),
            Errno::EINVAL if raw && (!run.data.is_empty() || run.repeat != 0) => {
                error.because("raw trace points are run once, with a context and without data")
            }
            Errno::EINVAL if raw => {
                error.because("the program uses more arguments than the context has")
            }
            Errno::ENXIO => error.because("there is no such CPU, or it is switched off"),
            Errno::EINVAL if run.data.len() < 14 => {
                error.because("the data are shorter than the 14 bytes of an Ethernet header")
            }
            Errno::EINVAL if !run.context.is_empty() => error
                .because("the context is of another size, or sets a field that cannot be chosen"),
            _ => error,
        }
    }
}
