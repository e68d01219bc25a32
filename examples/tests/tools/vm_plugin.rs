use crate::support::VM_PLUGIN;
use std::io::Write;
use std::process::{Command, Stdio};

/// Exit code, stdout, stderr.
fn run(program: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut child = Command::new(VM_PLUGIN)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may end without reading.
    let _ = stdin.write_all(program.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

const EXIT: &str = "95 00 00 00 00 00 00 00";

pub(crate) fn protocol() {
    // r0 = *(u32 *)(r1 + 2)
    let load = format!("61 10 02 00 00 00 00 00 {EXIT}\n");
    let ok = |result: &str| (Some(0), format!("{result}\n"), String::new());
    assert_eq!(run(&load, &["aa bb 11 22 33 44 cc dd"]), ok("44332211"));
    assert_eq!(run(&load, &["aabb11223344ccdd"]), ok("44332211"));
    // r0 = r2: the length of the memory.
    let length = "bf200000000000009500000000000000";
    assert_eq!(run(length, &["00 00 00"]), ok("3"));
    assert_eq!(run(length, &[]), ok("0"));
    assert_eq!(run("", &["--program", length]), ok("0"));
    // r0 = -1
    assert_eq!(
        run(&format!("b7 00 00 00 ff ff ff ff {EXIT}"), &[]),
        ok("ffffffffffffffff")
    );
    // The suites' first helper: the lowest bytes of five numbers.
    let numbers: String = (1..=5)
        .map(|n| format!("b7 0{n} 00 00 0{n} 00 00 00 "))
        .collect();
    let call = format!("{numbers} 85 00 00 00 00 00 00 00 {EXIT}");
    assert_eq!(run(&call, &[]), ok("102030405"));
}

pub(crate) fn errors() {
    let load = format!("61 10 02 00 00 00 00 00 {EXIT}");
    let again = format!("05 00 ff ff 00 00 00 00 {EXIT}");
    for (program, arguments, message) in [
        (
            load.as_str(),
            &["aa bb 11"][..],
            "reads 4 bytes at 2 of the context",
        ),
        (
            again.as_str(),
            &["--budget", "1000"],
            "the budget of 1000 instructions is used up",
        ),
        ("61 10 02", &[], "no multiple of 8"),
        ("9", &[], "it has 1 digits"),
        ("9x", &[], "'x'"),
        (EXIT, &["zz"], "the memory is not hexadecimal"),
        ("ff 00 00 00 00 00 00 00", &[], "this is no instruction"),
    ] {
        let (code, stdout, stderr) = run(program, arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{program}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
}
