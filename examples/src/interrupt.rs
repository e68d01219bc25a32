//! Ctrl-C as something to wait for.

use std::io;
use std::time::{Duration, Instant};

/// While there is one, Ctrl-C (`SIGINT`) and `SIGTERM` do not end the process but are waited
/// for, so that a tool can print what it has found. A second one while it prints ends it.
#[derive(Debug)]
pub struct Interrupt {
    signals: libc::sigset_t,
    before: libc::sigset_t,
}

impl Interrupt {
    /// From now on the signals wait to be waited for: in this thread and those it starts.
    ///
    /// # Errors
    /// Does not happen.
    pub fn catch() -> io::Result<Self> {
        // SAFETY: sets of signals are plain integers, for which zeros are valid.
        let mut signals: libc::sigset_t = unsafe { core::mem::zeroed() };
        let mut before = signals;
        // SAFETY: the set is ours and initialised.
        unsafe {
            libc::sigaddset(&raw mut signals, libc::SIGINT);
            libc::sigaddset(&raw mut signals, libc::SIGTERM);
        }
        // SAFETY: both sets are ours.
        let result =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, &raw mut before) };
        match result {
            0 => Ok(Self { signals, before }),
            number => Err(io::Error::from_raw_os_error(number)),
        }
    }

    /// Waits until one of them comes, or the time is over (without a time, for ever): whether
    /// one came.
    ///
    /// # Errors
    /// What sigtimedwait(2) says.
    pub fn wait(&self, time: Option<Duration>) -> io::Result<bool> {
        // A time beyond what the clock counts is for ever.
        let deadline = time.and_then(|time| Instant::now().checked_add(time));
        loop {
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            let timeout = libc::timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let null = core::ptr::null_mut();
            // SAFETY: set and time live through the call; nothing is asked about the signal.
            if unsafe { libc::sigtimedwait(&raw const self.signals, null, &raw const timeout) } > 0
            {
                return Ok(true);
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EAGAIN) if deadline.is_none() => {}
                Some(libc::EAGAIN) => return Ok(false),
                Some(libc::EINTR) => {}
                _ => return Err(error),
            }
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        let null = core::ptr::null_mut();
        // SAFETY: the set is what pthread_sigmask gave us.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, null) };
    }
}
