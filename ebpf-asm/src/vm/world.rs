//! What programs see of the machine around them: clock, process, processor, random numbers, and
//! what they print.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// The size of a task's name.
pub(super) const COMM: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct World {
    /// Nanoseconds.
    pub(super) clock: u64,
    pub(super) pid: u32,
    pub(super) tgid: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) cgroup: u64,
    pub(super) comm: [u8; COMM],
    pub(super) cpu: u32,
    pub(super) random: u64,
    /// Addresses of the calls that led here, the innermost first.
    pub(super) kernel_stack: Vec<u64>,
    pub(super) user_stack: Vec<u64>,
    /// The lines of `bpf_trace_printk`, oldest first.
    pub(super) printed: VecDeque<String>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            clock: 1_000_000_000,
            pid: 1000,
            tgid: 1000,
            uid: 1000,
            gid: 1000,
            cgroup: 1,
            comm: *b"test\0\0\0\0\0\0\0\0\0\0\0\0",
            cpu: 0,
            random: 0,
            kernel_stack: Vec::new(),
            user_stack: Vec::new(),
            printed: VecDeque::new(),
        }
    }
}

/// As many lines are kept: like the kernel's, the buffer forgets the oldest.
const LINES: usize = 16 * 1024;

impl World {
    /// Keeps a line for the host.
    pub(super) fn print(&mut self, line: String) {
        if self.printed.len() == LINES {
            self.printed.pop_front();
        }
        self.printed.push_back(line);
    }

    /// SplitMix64: any seed will do.
    pub(super) const fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
