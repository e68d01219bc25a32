//! Waiting for maps that have something to read.

use crate::{Errno, Error, sys};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Waits until one of these has something to read, or the time is over: which ones do, in
/// their order. Without a time it waits forever.
///
/// ```
/// use std::os::fd::AsFd;
/// use std::time::Duration;
/// use ebpf_rt::{RingBuf, maps::wait_any};
///
/// # kernel_test::example!(Kernel(5, 8));
/// let opens = RingBuf::<[u32; 4]>::create(4096)?;
/// let exits = RingBuf::<[u32; 2]>::create(4096)?;
/// let ready = wait_any(&[opens.as_fd(), exits.as_fd()], Some(Duration::from_millis(1)))?;
/// if ready[0] {
///     opens.consume(|record| println!("open {:?}", record.get()))?;
/// }
/// if ready[1] {
///     exits.consume(|record| println!("exit {:?}", record.get()))?;
/// }
/// assert_eq!(ready, [false, false]);              // no program has written anything
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// What poll(2) says.
#[doc(alias = "poll")]
pub fn wait_any(sources: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Result<Vec<bool>, Error> {
    wait_for(sources, false, timeout)
}

/// Waits for input or for room.
pub(super) fn wait_for(
    sources: &[BorrowedFd<'_>],
    output: bool,
    timeout: Option<Duration>,
) -> Result<Vec<bool>, Error> {
    // A time beyond what the clock counts is forever.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match sys::fs::poll_many(sources, output, left) {
            Ok(ready) => return Ok(ready),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::failed("poll", errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Call;
    use crate::sys::script::{Script, run};
    use std::os::fd::AsFd;

    #[test]
    fn signals_do_not_end_the_wait_and_what_is_ready_is_told() {
        let script = Script::new().fails(Errno::EINTR).with(|call| {
            let Call::PollMany { ready, .. } = call else {
                panic!("{call:?}")
            };
            ready[1] = true;
            Ok(1)
        });
        let (ready, calls) = run(script, || {
            let null = std::fs::File::open("/dev/null").unwrap();
            wait_any(&[null.as_fd(), null.as_fd()], None)
        });
        assert_eq!(ready.unwrap(), [false, true]);
        assert_eq!(calls.len(), 2);
        let forever = i64::from_ne_bytes(calls[1].attr[..8].try_into().unwrap());
        assert_eq!(forever, -1);
    }
}
