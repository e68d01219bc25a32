//! Reads a ring buffer in tokio: prints the process and the name of each program that is
//! started, for ten seconds or until as many as the first argument says.
//!
//! ```console
//! $ cargo run -p ebpf-examples --example ring_buf_tokio -- 5
//! ```
//!
//! A ring buffer is a descriptor that can be polled, edge-triggered too, and that is all an
//! executor asks for: tokio's `AsyncFd` and async-io's `Async` take it as it is.

use core::ffi::c_void;
use core::mem::offset_of;
use ebpf_rt::{Pod, RingBuf, ebpf};
use std::io;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

const SOME_TIME: Duration = Duration::from_secs(10);

/// Program and user space share this type.
#[derive(Clone, Copy, Debug, Pod)]
#[repr(C)]
struct Exec {
    pid: u32,
    command: [u8; 16],
}

ebpf! {
    /// A record for each program that is started.
    #[license = "GPL"]
    #[min_kernel = "5.8"]
    mod execs {
        static EXECS: RingBuf<Exec> = RingBuf::with_byte_size(1 << 16);

        #[tracepoint("sched", "sched_process_exec")]
        fn exec(ctx: *mut c_void) -> i32 {
            r1 = EXECS ll;
            r2 = {size_of::<Exec>()};
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto done;  // full: this one is lost
            r6 = r0;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            *(u32 *)(r6 + {offset_of!(Exec, pid)}) = w0;
            r1 = r6;
            r1 += {offset_of!(Exec, command)};
            r2 = 16;
            call bpf_get_current_comm;
            r1 = r6;
            r2 = 0;
            call bpf_ringbuf_submit;
        done:
            r0 = 0;
            exit;
        }
    }
}

/// Calls `each` for the programs that are started while it is polled, until it says that it is
/// enough. It never blocks the executor.
pub(crate) async fn watch(mut each: impl FnMut(u32, &str) -> bool) -> io::Result<()> {
    let execs = execs::load()?;
    // SAFETY: the map owns its descriptor, which is the same and open for as long as it lives.
    let events = unsafe { AsyncFd::register_with_interest(execs.maps.EXECS, Interest::READABLE) }?;
    let _link = execs.progs.exec.attach()?;
    loop {
        // Asked before the buffer is read: a record that comes after it wakes us again.
        events.readable().await?.clear_ready();
        // Not held over an await: it is the one reader of the buffer.
        let mut reader = events.get_ref().reader()?;
        while let Some(record) = reader.next()? {
            let Ok(exec) = record.get() else { continue };
            let name = exec.command.split(|&byte| byte == 0).next();
            let name = String::from_utf8_lossy(name.unwrap_or_default());
            if !each(exec.pid, &name) {
                return Ok(());
            }
        }
    }
}

#[allow(dead_code, reason = "the test calls `watch`")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut left: usize = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => usize::MAX,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let print = |pid: u32, name: &str| {
        println!("{pid:>8}  {name}");
        left = left.saturating_sub(1);
        left > 0
    };
    match runtime.block_on(async { tokio::time::timeout(SOME_TIME, watch(print)).await }) {
        Ok(result) => Ok(result?),
        // The time is over, which is no failure.
        Err(_) => Ok(()),
    }
}
