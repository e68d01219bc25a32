//! The example that reads a ring buffer in tokio.

#[path = "../../examples/ring_buf_tokio.rs"]
mod example;

use std::process::Command;
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
    let starter = std::thread::spawn(|| {
        [(); 3].map(|()| {
            // Long enough for the reader to wait.
            std::thread::sleep(Duration::from_millis(100));
            start_one()
        })
    });
    let result =
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), watch).await });
    match result {
        Ok(result) => result.unwrap(),
        Err(_) => panic!("only these are seen: {seen:?}"),
    }
    let started = starter.join().unwrap();
    let ours = seen.iter().filter(|(_, name)| name == "tools-tokio");
    let ours: Vec<u32> = ours.map(|(pid, _)| *pid).collect();
    assert_eq!(ours, started);
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
