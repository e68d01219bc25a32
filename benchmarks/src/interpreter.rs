//! The interpreter beside rbpf's, on the same programs.

use benchmarks::rounds::{Effort, Result, Side, compare};
use ebpf_asm::vm::Vm;
use std::hint::black_box;

struct Case {
    name: &'static str,
    text: &'static str,
    memory: Vec<u8>,
    /// How often the program is run in a round.
    runs: usize,
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "arithmetic loop",
            text: "
                r0 = 1
                r1 = 100000
            again:
                r0 *= 1103515245
                r0 += 12345
                r2 = r0
                r2 >>= 16
                r2 ^= r1
                r0 ^= r2
                w2 += w1
                r3 = r2
                r3 &= 1023
                r0 += r3
                r1 -= 1
                if r1 != 0 goto again
                exit
            ",
            memory: vec![0; 8],
            runs: 1,
        },
        Case {
            // Ethernet, IPv4 with options, TCP: the checks that a filter makes.
            name: "packet parser",
            text: "
                r0 = 0
                r3 = *(u16 *)(r1 + 12)
                r3 = be16 r3
                if r3 != 0x800 goto out
                r4 = *(u8 *)(r1 + 14)
                r5 = r4
                r5 >>= 4
                if r5 != 4 goto out
                r4 &= 15
                r4 <<= 2
                if r4 < 20 goto out
                r5 = *(u8 *)(r1 + 23)
                if r5 != 6 goto out
                r6 = r1
                r6 += 14
                r7 = *(u32 *)(r6 + 12)
                r7 = be32 r7
                r7 >>= 24
                if r7 != 10 goto out
                r6 += r4
                r8 = *(u16 *)(r6 + 2)
                r8 = be16 r8
                if r8 == 443 goto found
                if r8 != 80 goto out
            found:
                r9 = *(u8 *)(r6 + 13)
                r9 &= 2
                if r9 == 0 goto out
                r0 = r8
            out:
                exit
            ",
            memory: packet(),
            runs: 20_000,
        },
        Case {
            name: "memory copy",
            text: "
                r2 = r1
                r2 += 4096
                r3 = 512
            again:
                r4 = *(u64 *)(r1 + 0)
                *(u64 *)(r2 + 0) = r4
                r1 += 8
                r2 += 8
                r3 -= 1
                if r3 != 0 goto again
                r0 = *(u8 *)(r2 - 1)
                exit
            ",
            memory: (0..8192).map(|byte| byte as u8).collect(),
            runs: 200,
        },
    ]
}

fn packet() -> Vec<u8> {
    let mut packet = vec![0; 64];
    packet[12..14].copy_from_slice(&[0x08, 0x00]);
    packet[14] = 0x45;
    packet[23] = 6;
    packet[26..30].copy_from_slice(&[10, 1, 2, 3]);
    packet[36..38].copy_from_slice(&443u16.to_be_bytes());
    packet[47] = 2;
    packet
}

pub fn run(effort: Effort) -> Result<()> {
    for case in cases() {
        let code = ebpf_asm::assemble(case.text).map_err(|errors| errors.to_string())?;
        let bytes = code.to_le_bytes();
        let mut vm = Vm::new();
        let program = vm.load_code(case.name, &code);
        let mut memory = case.memory.clone();
        let expected = vm
            .run(program, &mut memory)
            .map_err(|fault| fault.to_string())?;
        let executed = vm.executed();
        let rbpf = rbpf::EbpfVmRaw::new(Some(&bytes)).map_err(of_rbpf)?;
        let mut other = case.memory.clone();
        assert_eq!(rbpf.execute_program(&mut other).map_err(of_rbpf)?, expected);
        assert_eq!(memory, other, "both leave the same behind");
        let instructions = executed as usize * case.runs;
        compare(
            "interpreter",
            case.name,
            "ns per instruction",
            effort.rounds(31),
            vec![
                Side::timed("ebpf-asm", instructions, || {
                    for _ in 0..case.runs {
                        black_box(
                            vm.run(program, &mut memory)
                                .map_err(|fault| fault.to_string())?,
                        );
                    }
                    Ok(())
                }),
                Side::timed("rbpf", instructions, || {
                    for _ in 0..case.runs {
                        black_box(rbpf.execute_program(&mut other).map_err(of_rbpf)?);
                    }
                    Ok(())
                }),
            ],
        )?;
    }
    Ok(())
}

/// Its errors without the standard library cannot be displayed.
fn of_rbpf(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
