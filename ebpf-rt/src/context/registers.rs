//! The registers of each architecture, as tracing programs see them
//! (`bpf_user_pt_regs_t`).

use super::contexts;
use bytemuck::Zeroable;

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
