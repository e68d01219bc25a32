use crate::support::{PROFILE, Tool, leaves_nothing, loaded};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Takes time, under a name that is found. It calls nothing: without frame pointers the stack
/// would go from what it calls to what called it.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn ebpf_examples_busy(rounds: u64) -> u64 {
    let (mut sum, mut round) = (0, 0);
    while round < rounds {
        sum ^= round;
        round += 1;
    }
    sum
}

/// Takes the kernel's time: it makes random numbers.
fn kernel_busy() {
    let mut buffer = vec![0u8; 1 << 16];
    // SAFETY: writes at most as many bytes as the buffer has.
    let length = unsafe { libc::getrandom(buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    assert!(length > 0);
}

fn start(arguments: &[&str]) -> Tool {
    let tool = Tool::start(PROFILE, arguments);
    loaded("sample");
    tool
}

/// The samples of the lines in which this stands.
fn count(lines: &[String], wanted: &str) -> u64 {
    let counts = lines.iter().filter_map(|line| {
        let (stack, count) = line.rsplit_once(' ').unwrap();
        let count: u64 = count.parse().unwrap();
        stack.contains(wanted).then_some(count)
    });
    counts.sum()
}

/// Of one process: its own functions, and those of the kernel.
pub(crate) fn names() {
    leaves_nothing(|| {
        let this = std::process::id().to_string();
        let tool = start(&["--pid", &this, "--frequency", "199"]);
        let is_over = AtomicBool::new(false);
        let lines = std::thread::scope(|scope| {
            let busy = || {
                while !is_over.load(Relaxed) {
                    black_box(ebpf_examples_busy(black_box(1_000_000)));
                    kernel_busy();
                }
            };
            std::thread::Builder::new()
                .name("busy; one".to_owned())
                .spawn_scoped(scope, busy)
                .unwrap();
            std::thread::sleep(std::time::Duration::from_secs(2));
            tool.signal(libc::SIGINT);
            let (status, lines, _) = tool.end();
            is_over.store(true, Relaxed);
            assert!(status.success(), "{status}");
            lines
        });
        // What separates frames is not in the name.
        assert!(count(&lines, "busy: one;") >= 20, "{lines:#?}");
        assert!(count(&lines, ";ebpf_examples_busy") >= 5, "{lines:#?}");
        assert!(count(&lines, "getrandom_[k]") >= 5, "{lines:#?}");
        let all = count(&lines, "");
        // Two seconds at 199 Hz on each CPU, and the kernel's clock.
        assert!(all <= 3 * 200 * 64, "{all}");
    });
}

/// Everything that runs, for a time.
pub(crate) fn everything() {
    leaves_nothing(|| {
        let tool = start(&["--seconds", "1"]);
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 1500 {
            kernel_busy();
        }
        let (status, lines, stderr) = tool.end();
        assert!(status.success(), "{stderr}");
        assert!(stderr.starts_with("Sampling 49 times a second on each CPU; it takes 1 second"));
        assert!(count(&lines, "_[k]") >= 5, "{lines:#?}");
    });
}
