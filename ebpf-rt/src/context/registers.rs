//! The registers of each architecture, as tracing programs see them
//! (`bpf_user_pt_regs_t`).

use super::contexts;
use bytemuck::Zeroable;
use core::mem::offset_of;
use ebpf_asm::object::{BtfType, CompositeDef, MemberDef, TypeDef};

#[cfg(target_arch = "x86_64")]
contexts! {
    /// The registers of an x86-64 CPU.
    #[expect(missing_docs, reason = "each is the register of that name")]
    pt_regs: 168 {
        r15: u64, r14: u64, r13: u64, r12: u64, rbp: u64, rbx: u64, r11: u64, r10: u64,
        r9: u64, r8: u64, rax: u64, rcx: u64, rdx: u64, rsi: u64, rdi: u64, orig_rax: u64,
        rip: u64, cs: u64, eflags: u64, rsp: u64, ss: u64,
    }
}

#[cfg(target_arch = "aarch64")]
contexts! {
    /// The registers of an arm64 CPU.
    #[doc(alias = "user_pt_regs")]
    #[expect(missing_docs, reason = "each is the register of that name")]
    pt_regs: 272 { regs: [u64; 31], sp: u64, pc: u64, pstate: u64, }
}

#[cfg(target_arch = "riscv64")]
contexts! {
    /// The registers of a RISC-V CPU.
    #[doc(alias = "user_regs_struct")]
    #[expect(missing_docs, reason = "each is the register of that name")]
    pt_regs: 256 {
        pc: u64, ra: u64, sp: u64, gp: u64, tp: u64, t0: u64, t1: u64, t2: u64, s0: u64,
        s1: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64, a6: u64, a7: u64,
        s2: u64, s3: u64, s4: u64, s5: u64, s6: u64, s7: u64, s8: u64, s9: u64, s10: u64,
        s11: u64, t3: u64, t4: u64, t5: u64, t6: u64,
    }
}

#[cfg(target_arch = "s390x")]
contexts! {
    /// The program status word of an s390x CPU.
    #[expect(missing_docs, reason = "each is the part of that name")]
    psw_t: 16 { mask: u64, addr: u64, }

    /// The registers of an s390x CPU.
    #[doc(alias = "user_pt_regs")]
    #[expect(missing_docs, reason = "each is the register of that name")]
    pt_regs: 152 { args: [u64; 1], psw: psw_t, gprs: [u64; 16], }
}

#[cfg(target_arch = "loongarch64")]
contexts! {
    /// The registers of a LoongArch CPU.
    #[doc(alias = "user_pt_regs")]
    #[expect(missing_docs, reason = "each is the register of that name")]
    pt_regs: 360 {
        regs: [u64; 32], orig_a0: u64, csr_era: u64, csr_badv: u64, reserved: [u64; 10],
    }
}

#[cfg(target_arch = "powerpc64")]
contexts! {
    /// The registers of a POWER CPU.
    #[expect(missing_docs, reason = "each is the register of that name")]
    pt_regs: 352 {
        gpr: [u64; 32], nip: u64, msr: u64, orig_gpr3: u64, ctr: u64, link: u64, xer: u64,
        ccr: u64, softe: u64, trap: u64, dar: u64, dsisr: u64, result: u64,
    }
}

/// What programs on perf events see.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct bpf_perf_event_data {
    /// The registers at the event.
    pub regs: pt_regs,
    /// How many events one sample stands for.
    pub sample_period: u64,
    /// The address, of events that have one.
    pub addr: u64,
}

/// Declares where the registers with a meaning are: the kernel's calling convention.
macro_rules! arguments {
    (
        parameters: [$($parameter:ident $number:literal = $offset:expr,)*],
        result: $result:expr, stack: $stack:expr, instruction: $instruction:expr,
        syscalls: [$($syscall:ident $position:literal = $syscall_offset:expr,)*],
        prefix: $prefix:literal,
    ) => {
        $(
            #[doc = concat!("Where parameter ", $number, " of a function is in [`pt_regs`], at its beginning.")]
            #[doc = ""]
            #[doc = "In a program at a kprobe or uprobe: `r2 = *(u64 *)(r1 + {PT_REGS_PARM1_OFFSET})`."]
            pub const $parameter: usize = $offset;
        )*

        /// Where the result of a function is in [`pt_regs`], at its return.
        pub const PT_REGS_RC_OFFSET: usize = $result;

        /// Where the stack pointer is in [`pt_regs`].
        pub const PT_REGS_SP_OFFSET: usize = $stack;

        /// Where the address of the instruction is in [`pt_regs`].
        pub const PT_REGS_IP_OFFSET: usize = $instruction;

        $(
            #[doc = concat!("Where argument ", $position, " of a system call is in the registers of the caller.")]
            #[doc = ""]
            #[doc = "Those registers are what `args[0]` of the raw trace point `sys_enter` points to, and the only parameter of the kernel's functions for system calls where [`SYSCALL_FUNCTION_PREFIX`] is not `sys_`. They are memory that a program has to read with `bpf_probe_read_kernel`."]
            pub const $syscall: usize = $syscall_offset;
        )*

        /// What stands before a system call's name in the name of the kernel's function for
        /// it: `__x64_sys_` in `__x64_sys_execve`. If it is not `sys_`, the function's only
        /// parameter is a pointer to the caller's registers.
        #[doc(alias = "SYSCALL_WRAPPER")]
        pub const SYSCALL_FUNCTION_PREFIX: &str = $prefix;
    };
}

/// The offset of an element of an array field.
#[allow(dead_code, reason = "where registers have names it is not needed")]
const fn nth(array: usize, index: usize) -> usize {
    array + index * size_of::<u64>()
}

#[cfg(target_arch = "x86_64")]
arguments! {
    parameters: [
        PT_REGS_PARM1_OFFSET 1 = offset_of!(pt_regs, rdi),
        PT_REGS_PARM2_OFFSET 2 = offset_of!(pt_regs, rsi),
        PT_REGS_PARM3_OFFSET 3 = offset_of!(pt_regs, rdx),
        PT_REGS_PARM4_OFFSET 4 = offset_of!(pt_regs, rcx),
        PT_REGS_PARM5_OFFSET 5 = offset_of!(pt_regs, r8),
        PT_REGS_PARM6_OFFSET 6 = offset_of!(pt_regs, r9),
    ],
    result: offset_of!(pt_regs, rax),
    stack: offset_of!(pt_regs, rsp),
    instruction: offset_of!(pt_regs, rip),
    syscalls: [
        PT_REGS_SYSCALL_PARM1_OFFSET 1 = offset_of!(pt_regs, rdi),
        PT_REGS_SYSCALL_PARM2_OFFSET 2 = offset_of!(pt_regs, rsi),
        PT_REGS_SYSCALL_PARM3_OFFSET 3 = offset_of!(pt_regs, rdx),
        PT_REGS_SYSCALL_PARM4_OFFSET 4 = offset_of!(pt_regs, r10),
        PT_REGS_SYSCALL_PARM5_OFFSET 5 = offset_of!(pt_regs, r8),
        PT_REGS_SYSCALL_PARM6_OFFSET 6 = offset_of!(pt_regs, r9),
    ],
    prefix: "__x64_sys_",
}

#[cfg(target_arch = "aarch64")]
arguments! {
    parameters: [
        PT_REGS_PARM1_OFFSET 1 = nth(offset_of!(pt_regs, regs), 0),
        PT_REGS_PARM2_OFFSET 2 = nth(offset_of!(pt_regs, regs), 1),
        PT_REGS_PARM3_OFFSET 3 = nth(offset_of!(pt_regs, regs), 2),
        PT_REGS_PARM4_OFFSET 4 = nth(offset_of!(pt_regs, regs), 3),
        PT_REGS_PARM5_OFFSET 5 = nth(offset_of!(pt_regs, regs), 4),
        PT_REGS_PARM6_OFFSET 6 = nth(offset_of!(pt_regs, regs), 5),
    ],
    result: nth(offset_of!(pt_regs, regs), 0),
    stack: offset_of!(pt_regs, sp),
    instruction: offset_of!(pt_regs, pc),
    syscalls: [
        // `orig_x0`, behind what user space sees.
        PT_REGS_SYSCALL_PARM1_OFFSET 1 = size_of::<pt_regs>(),
        PT_REGS_SYSCALL_PARM2_OFFSET 2 = nth(offset_of!(pt_regs, regs), 1),
        PT_REGS_SYSCALL_PARM3_OFFSET 3 = nth(offset_of!(pt_regs, regs), 2),
        PT_REGS_SYSCALL_PARM4_OFFSET 4 = nth(offset_of!(pt_regs, regs), 3),
        PT_REGS_SYSCALL_PARM5_OFFSET 5 = nth(offset_of!(pt_regs, regs), 4),
        PT_REGS_SYSCALL_PARM6_OFFSET 6 = nth(offset_of!(pt_regs, regs), 5),
    ],
    prefix: "__arm64_sys_",
}

#[cfg(target_arch = "riscv64")]
arguments! {
    parameters: [
        PT_REGS_PARM1_OFFSET 1 = offset_of!(pt_regs, a0),
        PT_REGS_PARM2_OFFSET 2 = offset_of!(pt_regs, a1),
        PT_REGS_PARM3_OFFSET 3 = offset_of!(pt_regs, a2),
        PT_REGS_PARM4_OFFSET 4 = offset_of!(pt_regs, a3),
        PT_REGS_PARM5_OFFSET 5 = offset_of!(pt_regs, a4),
        PT_REGS_PARM6_OFFSET 6 = offset_of!(pt_regs, a5),
    ],
    result: offset_of!(pt_regs, a0),
    stack: offset_of!(pt_regs, sp),
    instruction: offset_of!(pt_regs, pc),
    syscalls: [
        // `orig_a0`, behind `status`, `badaddr` and `cause`.
        PT_REGS_SYSCALL_PARM1_OFFSET 1 = nth(size_of::<pt_regs>(), 3),
        PT_REGS_SYSCALL_PARM2_OFFSET 2 = offset_of!(pt_regs, a1),
        PT_REGS_SYSCALL_PARM3_OFFSET 3 = offset_of!(pt_regs, a2),
        PT_REGS_SYSCALL_PARM4_OFFSET 4 = offset_of!(pt_regs, a3),
        PT_REGS_SYSCALL_PARM5_OFFSET 5 = offset_of!(pt_regs, a4),
        PT_REGS_SYSCALL_PARM6_OFFSET 6 = offset_of!(pt_regs, a5),
    ],
    prefix: "__riscv_sys_",
}

// Functions of s390x have five parameters in registers, system calls six.
#[cfg(target_arch = "s390x")]
arguments! {
    parameters: [
        PT_REGS_PARM1_OFFSET 1 = nth(offset_of!(pt_regs, gprs), 2),
        PT_REGS_PARM2_OFFSET 2 = nth(offset_of!(pt_regs, gprs), 3),
        PT_REGS_PARM3_OFFSET 3 = nth(offset_of!(pt_regs, gprs), 4),
        PT_REGS_PARM4_OFFSET 4 = nth(offset_of!(pt_regs, gprs), 5),
        PT_REGS_PARM5_OFFSET 5 = nth(offset_of!(pt_regs, gprs), 6),
    ],
    result: nth(offset_of!(pt_regs, gprs), 2),
    stack: nth(offset_of!(pt_regs, gprs), 15),
    instruction: offset_of!(pt_regs, psw) + offset_of!(psw_t, addr),
    syscalls: [
        // `orig_gpr2`, behind what user space sees.
        PT_REGS_SYSCALL_PARM1_OFFSET 1 = size_of::<pt_regs>(),
        PT_REGS_SYSCALL_PARM2_OFFSET 2 = nth(offset_of!(pt_regs, gprs), 3),
        PT_REGS_SYSCALL_PARM3_OFFSET 3 = nth(offset_of!(pt_regs, gprs), 4),
        PT_REGS_SYSCALL_PARM4_OFFSET 4 = nth(offset_of!(pt_regs, gprs), 5),
        PT_REGS_SYSCALL_PARM5_OFFSET 5 = nth(offset_of!(pt_regs, gprs), 6),
        PT_REGS_SYSCALL_PARM6_OFFSET 6 = nth(offset_of!(pt_regs, gprs), 7),
    ],
    prefix: "__s390x_sys_",
}

#[cfg(target_arch = "loongarch64")]
arguments! {
    parameters: [
        PT_REGS_PARM1_OFFSET 1 = nth(offset_of!(pt_regs, regs), 4),
        PT_REGS_PARM2_OFFSET 2 = nth(offset_of!(pt_regs, regs), 5),
        PT_REGS_PARM3_OFFSET 3 = nth(offset_of!(pt_regs, regs), 6),
        PT_REGS_PARM4_OFFSET 4 = nth(offset_of!(pt_regs, regs), 7),
        PT_REGS_PARM5_OFFSET 5 = nth(offset_of!(pt_regs, regs), 8),
        PT_REGS_PARM6_OFFSET 6 = nth(offset_of!(pt_regs, regs), 9),
    ],
    result: nth(offset_of!(pt_regs, regs), 4),
    stack: nth(offset_of!(pt_regs, regs), 3),
    instruction: offset_of!(pt_regs, csr_era),
    syscalls: [
        PT_REGS_SYSCALL_PARM1_OFFSET 1 = offset_of!(pt_regs, orig_a0),
        PT_REGS_SYSCALL_PARM2_OFFSET 2 = nth(offset_of!(pt_regs, regs), 5),
        PT_REGS_SYSCALL_PARM3_OFFSET 3 = nth(offset_of!(pt_regs, regs), 6),
        PT_REGS_SYSCALL_PARM4_OFFSET 4 = nth(offset_of!(pt_regs, regs), 7),
        PT_REGS_SYSCALL_PARM5_OFFSET 5 = nth(offset_of!(pt_regs, regs), 8),
        PT_REGS_SYSCALL_PARM6_OFFSET 6 = nth(offset_of!(pt_regs, regs), 9),
    ],
    prefix: "sys_",
}

#[cfg(target_arch = "powerpc64")]
arguments! {
    parameters: [
        PT_REGS_PARM1_OFFSET 1 = nth(offset_of!(pt_regs, gpr), 3),
        PT_REGS_PARM2_OFFSET 2 = nth(offset_of!(pt_regs, gpr), 4),
        PT_REGS_PARM3_OFFSET 3 = nth(offset_of!(pt_regs, gpr), 5),
        PT_REGS_PARM4_OFFSET 4 = nth(offset_of!(pt_regs, gpr), 6),
        PT_REGS_PARM5_OFFSET 5 = nth(offset_of!(pt_regs, gpr), 7),
        PT_REGS_PARM6_OFFSET 6 = nth(offset_of!(pt_regs, gpr), 8),
    ],
    result: nth(offset_of!(pt_regs, gpr), 3),
    stack: nth(offset_of!(pt_regs, gpr), 1),
    instruction: offset_of!(pt_regs, nip),
    syscalls: [
        PT_REGS_SYSCALL_PARM1_OFFSET 1 = offset_of!(pt_regs, orig_gpr3),
        PT_REGS_SYSCALL_PARM2_OFFSET 2 = nth(offset_of!(pt_regs, gpr), 4),
        PT_REGS_SYSCALL_PARM3_OFFSET 3 = nth(offset_of!(pt_regs, gpr), 5),
        PT_REGS_SYSCALL_PARM4_OFFSET 4 = nth(offset_of!(pt_regs, gpr), 6),
        PT_REGS_SYSCALL_PARM5_OFFSET 5 = nth(offset_of!(pt_regs, gpr), 7),
        PT_REGS_SYSCALL_PARM6_OFFSET 6 = nth(offset_of!(pt_regs, gpr), 8),
    ],
    prefix: "sys_",
}
