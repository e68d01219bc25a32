//! Text assembly: `cargo ebpf asm` beside llvm-mc, whole processes, on the same text.

use super::results::Results;
use super::time::run;
use crate::{Result, workspace};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// What a program is made of, in both dialects.
fn text(count: usize) -> String {
    let mut text = String::from("r6 = r1\nr0 = 0\n");
    for at in 0..count.saturating_sub(3) {
        // Writing to a string cannot fail.
        let _ = match at % 8 {
            0 => writeln!(text, "r0 += {at}"),
            1 => writeln!(text, "*(u64 *)(r10 - {}) = r0", 8 * (1 + at % 60)),
            2 => writeln!(text, "r1 = *(u32 *)(r10 - {})", 8 * (1 + at % 60)),
            3 => writeln!(text, "w0 ^= w1"),
            4 => writeln!(text, "r2 = {at} ll"),
            5 => writeln!(text, "if r0 > r1 goto l{at}\nl{at}:"),
            6 => writeln!(text, "r3 = be16 r3"),
            _ => writeln!(text, "r0 s>>= {}", at % 64),
        };
    }
    text.push_str("exit\n");
    text
}

pub(super) fn measure(
    results: &mut Results,
    llvm_mc: &Path,
    scratch: &Path,
    target: &Path,
    rounds: usize,
) -> Result<()> {
    const COUNT: usize = 100_000;
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(workspace());
    build.args([
        "build",
        "--release",
        "--quiet",
        "--package",
        "cargo-ebpf",
        "--target-dir",
    ]);
    run(build.arg(target))?;
    let tool = target.join("release/cargo-ebpf");
    let source = scratch.join("straight.s");
    std::fs::write(&source, text(COUNT))
        .map_err(|error| format!("{}: {error}", source.display()))?;
    let result = |name: &str| scratch.join(name);
    let mut ours = Command::new(tool);
    ours.args(["ebpf", "asm", "--emit", "bytes", "--output"])
        .arg(result("ours.bin"));
    ours.arg(&source);
    let mut theirs = Command::new(llvm_mc);
    theirs
        .args(["-triple", "bpfel", "-mcpu=v4", "-filetype=obj", "-o"])
        .arg(result("theirs.o"));
    theirs.arg(&source);
    let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        of_ours.push(run(&mut ours)?.all * 1e9 / COUNT as f64);
        of_theirs.push(run(&mut theirs)?.all * 1e9 / COUNT as f64);
    }
    compare_bytes(&result("ours.bin"), &result("theirs.o"))?;
    results.add(
        "text assembly",
        "100,000 instructions, whole process",
        "ns per instruction",
        &[("cargo ebpf asm", &of_ours), ("llvm-mc", &of_theirs)],
    );
    Ok(())
}

/// Both have to have done the same: the object has our bytes in it.
fn compare_bytes(ours: &Path, theirs: &Path) -> Result<()> {
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let (ours, theirs) = (read(ours)?, read(theirs)?);
    if theirs.windows(ours.len()).any(|part| part == ours) {
        Ok(())
    } else {
        Err("llvm-mc makes other bytes of the text".to_owned())
    }
}
