//! This program again, as another process: for what happens once in the life of a process.

use benchmarks::rounds::Result;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

fn start(what: &str, who: &str) -> Result<(Child, BufReader<ChildStdout>)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["child", what, who])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("the child has no output")?;
    Ok((child, BufReader::new(output)))
}

fn finish(mut child: Child, mut output: BufReader<ChildStdout>) -> Result<String> {
    let mut text = String::new();
    output.read_to_string(&mut text)?;
    let status = child.wait()?;
    if status.success() {
        Ok(text)
    } else {
        Err(format!("a child ended with {status}").into())
    }
}

/// Runs it and returns what it prints.
pub fn run(what: &str, who: &str) -> Result<String> {
    let (child, output) = start(what, who)?;
    finish(child, output)
}

/// Runs it, and calls the function with its number when it says that it is ready.
pub fn run_watched(what: &str, who: &str, watch: impl FnOnce(u32)) -> Result<String> {
    let (mut child, mut output) = start(what, who)?;
    output.read_line(&mut String::new())?;
    watch(child.id());
    let mut input = child.stdin.take().ok_or("the child has no input")?;
    input.write_all(b"\n")?;
    finish(child, output)
}

/// In the child: says that it is ready, and waits.
pub fn ready() -> Result<()> {
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
