//! The command as a user runs it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cargo-ebpf"))
        // As cargo does it.
        .arg("ebpf")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    // A command that reads nothing closes its end.
    let _ = pipe.write_all(stdin);
    drop(pipe);
    child.wait_with_output().expect("the command ends")
}

fn succeeds(arguments: &[&str], stdin: &str) -> String {
    let output = run(arguments, stdin.as_bytes());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// What a command that fails says, and its exit code.
fn fails(arguments: &[&str], stdin: &[u8]) -> (i32, String) {
    let output = run(arguments, stdin);
    assert!(!output.status.success(), "{arguments:?} succeeds");
    let stderr = String::from_utf8(output.stderr).expect("text");
    (output.status.code().expect("no signal"), stderr)
}

/// An empty folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const UNTIDY: &str = "fn  untidy( ) {}
const A: Code = ebpf_asm! {
  r0=0 ; // zero
  exit
};
";
const TIDY: &str = "fn  untidy( ) {}
const A: Code = ebpf_asm! {
    r0 = 0;  // zero
    exit;
};
";

#[test]
fn fmt_formats_rust_files_in_place() {
    let folder = Folder::new("in_place");
    let untidy = folder.file("src/a.rs", UNTIDY);
    let other = folder.file("src/b.txt", "r0=0");
    let built = folder.file("target/c.rs", UNTIDY);
    let hidden = folder.file(".git/d.rs", UNTIDY);

    let output = run(&["fmt", "--check", folder.path()], b"");
    assert_eq!(output.status.code(), Some(1));
    let named = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(named, format!("{}:3: not formatted\n", untidy.display()));
    assert_eq!(fs::read_to_string(&untidy).expect("a file"), UNTIDY);

    assert_eq!(succeeds(&["fmt", folder.path()], ""), "");
    assert_eq!(fs::read_to_string(&untidy).expect("a file"), TIDY);
    for untouched in [&built, &hidden] {
        assert_eq!(fs::read_to_string(untouched).expect("a file"), UNTIDY);
    }
    assert_eq!(fs::read_to_string(&other).expect("a file"), "r0=0");
    succeeds(&["fmt", "--check", folder.path()], "");
    let files = fs::read_dir(folder.0.join("src"))
        .expect("a folder")
        .count();
    assert_eq!(files, 2, "nothing else is left");

    succeeds(&["fmt", other.to_str().expect("UTF-8")], "");
    assert_eq!(fs::read_to_string(&other).expect("a file"), "    r0 = 0\n");
}

#[test]
fn fmt_serves_editors() {
    assert_eq!(succeeds(&["fmt", "--stdin"], UNTIDY), TIDY);
    assert_eq!(
        succeeds(&["fmt", "--stdin", "--text"], "r0=0"),
        "    r0 = 0\n"
    );
    let output = run(&["fmt", "--stdin", "--check"], UNTIDY.as_bytes());
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
}

#[test]
fn fmt_says_what_it_cannot_read_and_does_the_rest() {
    let folder = Folder::new("cannot_read");
    let untidy = folder.file("a.rs", UNTIDY);
    folder.file("b.rs", "fn ebpf( {");
    folder.file("c.rs", "ebpf_asm! { r0 = /* never ends }");
    let (code, message) = fails(&["fmt", folder.path(), "/no/such/file"], b"");
    assert_eq!(code, 1);
    assert!(message.contains("/no/such/file: No such file"), "{message}");
    let (code, message) = fails(&["fmt", folder.path()], b"");
    assert_eq!(code, 1);
    assert!(message.contains("b.rs:1:"), "{message}");
    assert!(message.contains("c.rs:1:"), "{message}");
    assert_eq!(fs::read_to_string(&untidy).expect("a file"), TIDY);
}

#[test]
fn explain_knows_every_code() {
    let list = succeeds(&["explain", "--list"], "");
    assert!(list.lines().count() > 40, "{list}");
    for line in list.lines() {
        let (code, title) = line.split_once("  ").expect("a title");
        let text = succeeds(&["explain", code], "");
        assert!(text.starts_with(&format!("{code}: {title}\n\n")), "{text}");
        assert!(text.len() > 150 && !text.contains("```"), "{text}");
    }
    assert_eq!(
        succeeds(&["explain", "13"], ""),
        succeeds(&["explain", "bpf0013"], "")
    );
    assert_eq!(fails(&["explain", "BPF9999"], b"").0, 1);
    assert_eq!(fails(&["explain"], b"").0, 2);
}

#[test]
fn what_is_assembled_can_be_disassembled() {
    let source = "const TWO: u32 = 2\nr0 = TWO\nr1 = LIMIT ll\ngoto done\ndone: exit\n";
    let define = ["asm", "--define", "LIMIT=0xffffffffffffffff"];
    let listing = succeeds(&define, source);
    assert!(listing.contains("r1 = 0xffffffffffffffff ll"), "{listing}");
    let folder = Folder::new("assembled");
    for form in ["hex", "bytes", "rust", "c", "listing"] {
        let path = folder.file(form, "");
        let path = path.to_str().expect("UTF-8");
        let mut arguments = define.to_vec();
        arguments.extend(["--emit", form, "-o", path]);
        succeeds(&arguments, source);
        let mut written = fs::read(path).expect("a file");
        if matches!(form, "rust" | "c") {
            // The numbers alone: the array's type is not read.
            let text = String::from_utf8(written).expect("text");
            let lines: Vec<&str> = text.lines().collect();
            written = lines[1..lines.len() - 1].join("\n").into_bytes();
        }
        let output = run(&["dis"], &written);
        let again = String::from_utf8(output.stdout).expect("text");
        let slots = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.ends_with(':'));
            lines.map(|line| line[..36].to_owned()).collect()
        };
        assert_eq!(slots(&again), slots(&listing), "{form}");
    }
}

#[test]
fn asm_and_dis_tell_what_is_wrong() {
    let (code, message) = fails(&["asm"], b"r11 = 1\nexit");
    assert_eq!(code, 1);
    assert!(
        message.contains("BPF0013") && message.contains("<stdin>:1:1"),
        "{message}"
    );
    let (_, message) = fails(&["dis"], b"\x95\0\0");
    assert!(message.contains("3 bytes are no program"), "{message}");
    let (_, message) = fails(&["dis"], b"hello");
    assert!(
        message.contains("neither hexadecimal digits nor a listing"),
        "{message}"
    );
    assert_eq!(fails(&["asm", "--define", "x"], b"").0, 2);
    assert_eq!(fails(&["asm", "--emit", "x"], b"").0, 2);
    assert_eq!(fails(&["nothing"], b"").0, 2);
    let (_, message) = fails(&["asm", "/no/such/file"], b"");
    assert!(
        message.starts_with("error: /no/such/file: No such file"),
        "{message}"
    );
}

#[test]
fn check_says_what_the_kernel_would_refuse() {
    let source = "r0 = *(u32 *)(r1 + 0)\nr0 += r2\nexit\n";
    let (code, message) = fails(&["check", "--type", "socket_filter"], source.as_bytes());
    assert_eq!(code, 1);
    for part in [
        "<stdin>: 1 error",
        "error[BPF0110]",
        "<stdin>:2:1",
        "R2 !read_ok",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let sound = source.replace("r0 += r2\n", "");
    assert_eq!(succeeds(&["check", "--type", "socket_filter"], &sound), "");
    // What needs no type is found without one.
    assert!(fails(&["check"], b"r0 = r2\nexit").1.contains("BPF0110"));
    let gpl = "call bpf_trace_printk\nexit";
    let (_, message) = fails(
        &["check", "--license", "MIT", "--type", "kprobe"],
        gpl.as_bytes(),
    );
    assert!(message.contains("BPF01"), "{message}");
    assert_eq!(fails(&["check", "--type", "x"], b"exit").0, 2);
    assert_eq!(fails(&["check", "--min-kernel", "x"], b"exit").0, 2);
}

#[test]
#[cfg(target_os = "linux")]
fn features_answers_everything_or_says_what_is_in_the_way() {
    let json = succeeds(&["features", "--json"], "");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["kernel"].is_string());
    let program_types = json["program_types"].as_object().expect("an object");
    assert!(program_types.len() > 30);
    for (name, answer) in program_types {
        let is_answer = answer.is_boolean() || answer["error"].is_string();
        assert!(is_answer, "{name}: {answer}");
    }
    let table = succeeds(&["features"], "");
    for line in ["socket_filter", "ringbuf", "kprobe.multi", "enum64"] {
        assert!(table.contains(line), "{table}");
    }
    let table = succeeds(&["features", "--helpers", "xdp"], "");
    assert!(table.contains("bpf_redirect_map"), "{table}");
    assert_eq!(fails(&["features", "--helpers", "x"], b"").0, 2);
}

#[test]
fn dot_shows_where_jumps_lead() {
    let source = "if r1 == LIMIT goto out\nr0 = 1\nout: exit\n";
    let graph = succeeds(&["dot", "--define", "LIMIT=7"], source);
    assert!(graph.starts_with("digraph \"code\" {\n"), "{graph}");
    assert!(graph.contains("0: if r1 == 7 goto out"), "{graph}");
    assert!(graph.contains("p0_0 -> p0_2 [label=\"true\""), "{graph}");
    let bytes = run(
        &["asm", "--emit", "bytes", "--define", "LIMIT=7"],
        source.as_bytes(),
    );
    let again = run(&["dot"], &bytes.stdout);
    let again = String::from_utf8(again.stdout).expect("text");
    assert!(again.contains("p0_0 -> p0_2 [label=\"true\""), "{again}");
    let (code, words) = fails(&["dot"], b"r0 = r11\n");
    assert!(code == 1 && words.contains("BPF0013"), "{words}");
}

#[test]
fn help_is_complete() {
    let help = succeeds(&["--help"], "");
    for command in ["fmt", "explain", "asm", "check", "dis", "dot", "features"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let text = succeeds(&[command, "--help"], "");
        assert!(
            text.contains(&format!("Usage: cargo ebpf {command}")),
            "{text}"
        );
    }
}
