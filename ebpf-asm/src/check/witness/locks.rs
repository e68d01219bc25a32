//! Spin locks in maps' values: one at a time, let go of before anything is called, and before the
//! end.

use super::run::{Result, Run};
use crate::check::Finding;
use crate::diag::Rule;
use alloc::format;
use alloc::string::String;

/// What may be called under a lock, on some kernel.
const UNDER_LOCK: [&str; 2] = ["bpf_spin_unlock", "bpf_kptr_xchg"];

impl Run<'_> {
    fn about_lock(
        &self,
        message: impl Into<String>,
        kernel: impl Into<String>,
        help: &str,
    ) -> Finding {
        let finding = self
            .finding(Rule::SpinLock, message, kernel)
            .with_help(help);
        match self.lock {
            Some((slot, ..)) => finding.because("the lock was taken in the call", Some(slot)),
            None => finding,
        }
    }

    /// Whether this helper may be called now.
    pub(super) fn call_under_lock(&self, helper: &str) -> Result<()> {
        if self.lock.is_none() || UNDER_LOCK.contains(&helper) {
            return Ok(());
        }
        Err(self
            .about_lock(
                format!("`{helper}` is called while a spin lock is held"),
                "function calls are not allowed while holding a lock",
                "call it before `bpf_spin_lock`, or after `bpf_spin_unlock`",
            )
            .into())
    }

    /// Takes a lock or lets go of it.
    pub(super) fn lock_or_unlock(&mut self, helper: &str, lock: (u16, i64)) -> Result<()> {
        if helper == "bpf_spin_lock" {
            self.lock = Some((self.at as u32, lock.0, lock.1));
            return Ok(());
        }
        let Some((_, object, offset)) = self.lock else {
            return Err(self
                .about_lock(
                    "no spin lock is held here",
                    "bpf_spin_unlock without taking a lock",
                    "call `bpf_spin_lock` with the same pointer first, on every path",
                )
                .into());
        };
        if (object, offset) != lock {
            return Err(self
                .about_lock(
                    "this is another lock than the one that is held",
                    "bpf_spin_unlock of different lock",
                    "keep the pointer that `bpf_spin_lock` was given, and pass it here: each look-up gives another",
                )
                .into());
        }
        self.lock = None;
        Ok(())
    }

    /// No lock may be held any more.
    pub(super) fn no_lock(&self, what: &str) -> Result<()> {
        if self.lock.is_none() {
            return Ok(());
        }
        Err(self
            .about_lock(
                "a spin lock is still held on this path",
                format!("{what} cannot be used inside bpf_spin_lock-ed region"),
                "call `bpf_spin_unlock` before it",
            )
            .into())
    }
}
