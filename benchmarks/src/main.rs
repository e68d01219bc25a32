//! The interpreter beside rbpf's, on the same programs: time for each, and how many times as fast
//! ours is.
//!
//! `cargo run --release` in this directory; `--check` fails below [`TARGET`].

use ebpf_asm::vm::Vm;
use std::time::{Duration, Instant};

/// How many times as fast as rbpf the interpreter is to be.
const TARGET: f64 = 1.5;

/// How often each of the two runs a program; the fastest counts, since nothing makes a run
/// faster than it is.
const ROUNDS: usize = 15;

struct Case {
    name: &'static str,
    text: &'static str,
    memory: Vec<u8>,
    /// How often the program is run in a round.
    runs: u32,
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

/// The time of one run, by the fastest round, of both in turn.
fn measure(
    runs: u32,
    mut ours: impl FnMut() -> u64,
    mut theirs: impl FnMut() -> u64,
) -> [Duration; 2] {
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        let sides: [&mut dyn FnMut() -> u64; 2] = [&mut ours, &mut theirs];
        for (fastest, side) in fastest.iter_mut().zip(sides) {
            let start = Instant::now();
            for _ in 0..runs {
                std::hint::black_box(side());
            }
            *fastest = (*fastest).min(start.elapsed() / runs);
        }
    }
    fastest
}

fn main() {
    let check = std::env::args().any(|argument| argument == "--check");
    println!(
        "{:16} {:>12} {:>12} {:>10} {:>7}",
        "program", "ebpf-asm", "rbpf", "ns/insn", "ratio"
    );
    let mut lowest = f64::MAX;
    for case in cases() {
        let code = ebpf_asm::assemble(case.text).expect("the programs assemble");
        let bytes = code.to_le_bytes();
        let mut vm = Vm::new();
        let program = vm.load_code(case.name, &code);
        let mut memory = case.memory.clone();
        let expected = vm.run(program, &mut memory).expect("the programs run");
        let executed = vm.executed();
        let rbpf = rbpf::EbpfVmRaw::new(Some(&bytes)).expect("rbpf loads the programs");
        let mut other = case.memory.clone();
        assert_eq!(
            rbpf.execute_program(&mut other)
                .expect("rbpf runs the programs"),
            expected
        );
        assert_eq!(memory, other, "both leave the same behind");
        let [ours, theirs] = measure(
            case.runs,
            || vm.run(program, &mut memory).expect("the programs run"),
            || {
                rbpf.execute_program(&mut other)
                    .expect("rbpf runs the programs")
            },
        );
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        let each = ours.as_secs_f64() * 1e9 / executed as f64;
        println!(
            "{:16} {ours:>12.2?} {theirs:>12.2?} {each:>10.2} {ratio:>7.2}",
            case.name
        );
        lowest = lowest.min(ratio);
    }
    println!("lowest ratio: {lowest:.2} (target {TARGET})");
    if check && lowest < TARGET {
        std::process::exit(1);
    }
}
