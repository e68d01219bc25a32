//! Listing: one program for kernels with an instruction and without.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::features;
use ebpf_rt::isa::{AluOp, Instruction, Register::R0, Width};
use ebpf_rt::programs::TestRun;
use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod halves {
        // ANCHOR: program
        const SIGNED_DIVISION: u8;
        static VALUE: Global<i64> = Global::new(-14);

        #[socket_filter]
        fn halve(packet: *mut c_void) -> i32 {
            r1 = VALUE ll;
            r0 = *(u64 *)(r1 + 0);
            r2 = SIGNED_DIVISION;
            if r2 == 0 goto shift;
            r0 s/= 2;                   // Linux 6.6
            goto store;
        shift:
            r3 = r0;
            r3 >>= 63;                  // 1 for numbers below zero:
            r0 += r3;                   // a division rounds to zero
            r0 s>>= 1;
        store:
            *(u64 *)(r1 + 0) = r0;
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let divide = Instruction::alu_imm(Width::W64, AluOp::SDiv, R0, 2);
    let here = features::instruction(divide.definition())?;

    let packet = [0; 14];
    for signed_division in [false, here] {
        let mut loader = halves::loader();
        loader.consts.SIGNED_DIVISION.set(signed_division.into());
        let halves = loader.load()?;
        for _ in 0..2 {
            let run = TestRun::new().data(&packet);
            halves.progs.halve.test_run(run)?;
        }
        println!("{}", halves.maps.VALUE.get());
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
