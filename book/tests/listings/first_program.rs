//! A first program in ten lines.

use crate::{binary, follows, refused};
use book_listings::assert_output;
use kernel_test::{Need, Suite, trace};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "first-program", &[Need::Root], "main" "drop" "length" "udp");
    listings!(suite, "first-program", &[], "bytes" "listing");
    suite.test(
        "first-program::from_an_empty_directory",
        &[Need::Root, Need::Toolchain],
        || follows("first-program", "main", "first-program/Cargo.toml"),
    );
    suite.test(
        "first-program::listing_from_an_empty_directory",
        &[Need::Toolchain],
        || follows("first-program", "listing", "first-program/listing.toml"),
    );
    suite.test(
        "first-program::refused",
        &[Need::Root, Need::Toolchain],
        || refused("first-program", "refused"),
    );
    suite.test(
        "first-program::unprivileged",
        &[Need::Root, Need::Other(unprivileged_is_off)],
        unprivileged,
    );
    suite.test(
        "first-program::system_calls",
        &[Need::Root],
        the_system_calls_are_those_that_the_chapter_names,
    );
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
    let copy = std::env::temp_dir().join(format!("book-first-program-{}", std::process::id()));
    std::fs::copy(binary("first-program", "main"), &copy).expect("the listing can be copied");
    let output = Command::new(&copy).uid(NOBODY).gid(NOBODY).output();
    std::fs::remove_file(&copy).expect("the copy can be removed");
    let output = output.expect("the listing starts");
    assert!(!output.status.success());
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_output("first-program/unprivileged.out", &printed, |text| {
        text.replace("disabled is 1)", "disabled is 2)")
    });
}

fn the_system_calls_are_those_that_the_chapter_names() {
    let mut command = Command::new(binary("first-program", "main"));
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
