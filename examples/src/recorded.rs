//! Recorded system calls, on which the tools' tests run programs without a kernel.

use core::mem::offset_of;
use ebpf_rt::context::{syscall_trace_enter, syscall_trace_exit};
use ebpf_rt::vm::{Machine, Permissions};

/// The record of the trace point at the entry of a system call, whose programs look at nothing
/// but the arguments.
#[must_use]
pub fn syscall_enter<const N: usize>(
    arguments: [u64; N],
) -> [u8; size_of::<syscall_trace_enter>()] {
    let mut record = [0; size_of::<syscall_trace_enter>()];
    let mut at = offset_of!(syscall_trace_enter, args);
    for argument in arguments {
        record[at..at + 8].copy_from_slice(&argument.to_ne_bytes());
        at += 8;
    }
    record
}

/// The record of the trace point at the exit of a system call, with its result.
#[must_use]
pub fn syscall_exit(result: i64) -> [u8; size_of::<syscall_trace_exit>()] {
    let mut record = [0; size_of::<syscall_trace_exit>()];
    let at = offset_of!(syscall_trace_exit, ret);
    record[at..at + 8].copy_from_slice(&result.to_ne_bytes());
    record
}

/// Puts bytes into the memory of the recorded process; where they are.
pub fn user_memory(machine: &Machine, name: &str, bytes: Vec<u8>) -> u64 {
    machine.with(|vm| {
        let region = vm.add_region(name, bytes, Permissions::ReadOnly);
        vm.address(region)
    })
}
