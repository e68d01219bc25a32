//! The example that reads a ring buffer in tokio.

#[path = "../../examples/ring_buf_tokio.rs"]
mod example;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Programs that are started while it waits are told, each with its process.
pub(crate) fn execs() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut seen = Vec::new();
    let watch = example::watch(|pid, name| {
        seen.push((pid, name.to_owned()));
        // Others start programs, too.
        seen.iter()
            .filter(|(_, name)| name == "tools-tokio")
            .count()
            < 3
    });
    let is_enough = Arc::new(AtomicBool::new(false));
    let starter = std::thread::spawn({
        let is_enough = Arc::clone(&is_enough);
        move || {
            // The first may be too early to be seen.
            let mut started = Vec::new();
            while !is_enough.load(Ordering::Relaxed) {
                started.push(start_one());
                // Long enough for the reader to wait.
                std::thread::sleep(Duration::from_millis(100));
            }
            started
        }
    });
    let result =
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), watch).await });
    is_enough.store(true, Ordering::Relaxed);
    let started = starter.join().unwrap();
    match result {
        Ok(result) => result.unwrap(),
        Err(_) => panic!("of {started:?} only these are seen: {seen:?}"),
    }
    let ours = seen.iter().filter(|(_, name)| name == "tools-tokio");
    let ours: Vec<u32> = ours.map(|(pid, _)| *pid).collect();
    // From the first that is seen on, none is missing.
    let first = started.iter().position(|pid| *pid == ours[0]).unwrap();
    assert_eq!(ours, started[first..][..3]);
}

/// Starts this binary under another name, to do nothing; its process.
fn start_one() -> u32 {
    let name = std::env::temp_dir().join("tools-tokio");
    let _ = std::fs::remove_file(&name);
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &name).unwrap();
    let mut child = Command::new(&name)
        .arg("--list")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id();
    child.wait().unwrap();
    std::fs::remove_file(&name).unwrap();
    pid
}
