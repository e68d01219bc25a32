//! The tools of `examples/` as modules, so that their programs can be measured. A tool begins with
//! a comment on itself, which an included file cannot have.

use std::path::Path;
use std::{env, fs};

const TOOLS: [&str; 9] = [
    "exec_events",
    "execs_by_user",
    "hello_kprobe",
    "openat",
    "opens_by_user",
    "packets",
    "socket_filter",
    "stream_verdict",
    "tail_calls",
];

fn main() {
    let out = env::var_os("OUT_DIR").expect("cargo says where to");
    for tool in TOOLS {
        let path = format!("../../examples/src/bin/{tool}.rs");
        println!("cargo::rerun-if-changed={path}");
        let text = fs::read_to_string(&path).expect("the tool is there");
        let code = text.lines().skip_while(|line| line.starts_with("//!"));
        let code: Vec<&str> = code.collect();
        let copy = Path::new(&out).join(tool).with_extension("rs");
        fs::write(copy, code.join("\n")).expect("the output directory can be written");
    }
}
