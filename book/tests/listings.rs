//! Runs the listings on the kernel and compares what they print with what the book shows.

use book_listings::{Reader, assert_output, from_line};
use kernel_test::{Need, Suite, trace};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

const MAIN: &str = env!("CARGO_BIN_EXE_first-program");
const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

fn same(text: &str) -> String {
    text.to_owned()
}

/// Runs a listing that succeeds.
fn runs(binary: &str, shown: &str) {
    let output = Command::new(binary).output().expect("the listing starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{binary} failed: {errors}");
    assert_output(shown, &String::from_utf8_lossy(&output.stdout), same);
}

fn main() -> ExitCode {
    let mut suite = Suite::new();
    suite.test("first_program::main", &[Need::Root], || {
        runs(MAIN, "first-program/main.out");
    });
    suite.test("first_program::drop", &[Need::Root], || {
        runs(
            env!("CARGO_BIN_EXE_first-program-drop"),
            "first-program/drop.out",
        );
    });
    suite.test("first_program::length", &[Need::Root], || {
        runs(
            env!("CARGO_BIN_EXE_first-program-length"),
            "first-program/length.out",
        );
    });
    suite.test("first_program::udp", &[Need::Root], || {
        runs(
            env!("CARGO_BIN_EXE_first-program-udp"),
            "first-program/udp.out",
        );
    });
    suite.test("first_program::bytes", &[], || {
        runs(
            env!("CARGO_BIN_EXE_first-program-bytes"),
            "first-program/bytes.out",
        );
    });
    suite.test("first_program::listing", &[], || {
        runs(
            env!("CARGO_BIN_EXE_first-program-listing"),
            "first-program/listing.out",
        );
    });
    suite.test(
        "first_program::from_an_empty_directory",
        &[Need::Root, Need::Toolchain],
        || follows("main", "Cargo.toml"),
    );
    suite.test(
        "first_program::listing_from_an_empty_directory",
        &[Need::Toolchain],
        || follows("listing", "listing.toml"),
    );
    suite.test(
        "first_program::refused",
        &[Need::Root, Need::Toolchain],
        refused,
    );
    suite.test(
        "first_program::unprivileged",
        &[Need::Root, Need::Other(unprivileged_is_off)],
        unprivileged,
    );
    suite.test(
        "first_program::system_calls",
        &[Need::Root],
        the_system_calls_are_those_that_the_chapter_names,
    );
    suite.run()
}

/// What a reader sees who has this manifest and this listing.
fn follows(name: &str, manifest: &str) {
    let reader = Reader::new(
        SCRATCH,
        name,
        &format!("first-program/{manifest}"),
        &format!("first-program/{name}.rs"),
    );
    let output = reader.cargo("run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains("warning"), "{errors}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_output(&format!("first-program/{name}.out"), &printed, same);
}

fn refused() {
    let reader = Reader::new(
        SCRATCH,
        "refused",
        "first-program/Cargo.toml",
        "first-program/refused.rs",
    );
    let output = reader.cargo("run");
    assert!(!output.status.success());
    let printed = from_line(&output.stderr, "Error: ");
    // Of the log only what every kernel says.
    assert_output("first-program/refused.out", &printed, |text| {
        let (drawn, log) = text.split_once("the kernel's log:\n").expect("a log");
        let says = log.lines().filter(|line| line.contains("!read_ok"));
        drawn
            .lines()
            .chain(says)
            .map(|line| format!("{line}\n"))
            .collect()
    });
}

fn unprivileged_is_off() -> Result<(), String> {
    let switch = std::fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled")
        .map_err(|error| format!("unprivileged_bpf_disabled: {error}"))?;
    match switch.trim() {
        "0" => Err("needs unprivileged_bpf_disabled to be 1 or 2".into()),
        _ => Ok(()),
    }
}

fn unprivileged() {
    const NOBODY: u32 = 65534;
    // Nobody may not be allowed to look into the directory of the build.
    let binary = std::env::temp_dir().join(format!("book-first-program-{}", std::process::id()));
    std::fs::copy(MAIN, &binary).expect("the listing can be copied");
    let output = Command::new(&binary).uid(NOBODY).gid(NOBODY).output();
    std::fs::remove_file(&binary).expect("the copy can be removed");
    let output = output.expect("the listing starts");
    assert!(!output.status.success());
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_output("first-program/unprivileged.out", &printed, |text| {
        text.replace("disabled is 1)", "disabled is 2)")
    });
}

fn the_system_calls_are_those_that_the_chapter_names() {
    let mut command = Command::new(MAIN);
    command.stdout(Stdio::null());
    let calls = trace::system_calls(command).expect("the listing runs");
    let names = calls.iter().filter_map(|&(number, first)| {
        // BPF_PROG_LOAD is 5.
        match (i64::try_from(number).expect("a small number"), first) {
            (libc::SYS_bpf, 5) => Some("bpf(BPF_PROG_LOAD)"),
            (libc::SYS_bpf, _) => Some("bpf"),
            (libc::SYS_setsockopt, _) => Some("setsockopt"),
            (libc::SYS_sendto, _) => Some("send"),
            // What std sends with; up to 2 is what it prints.
            (libc::SYS_write, 3..) => Some("send"),
            (libc::SYS_recvfrom, _) => Some("recv"),
            _ => None,
        }
    });
    let names: Vec<_> = names.collect();
    assert_eq!(
        names,
        [
            "bpf(BPF_PROG_LOAD)",
            "setsockopt",
            "send",
            "recv",
            "setsockopt",
            "send",
            "recv"
        ]
    );
}
