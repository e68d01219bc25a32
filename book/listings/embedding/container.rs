//! Listing: the device filter of a cgroup.

// ANCHOR: file
use std::error::Error;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

mod rules;

// ANCHOR: bpf
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;

#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
}

#[repr(C)]
struct ProgAttach {
    target_fd: i32,
    attach_bpf_fd: i32,
    attach_type: u32,
    attach_flags: u32,
}

/// # Safety
/// The addresses in the attribute have to be what the command wants.
unsafe fn bpf<T>(command: libc::c_int, attribute: &T) -> io::Result<i32> {
    let (at, size) = (&raw const *attribute, size_of::<T>());
    // SAFETY: the kernel reads so many bytes of it; the rest is the caller's.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, at, size) };
    match result {
        ..0 => Err(io::Error::last_os_error()),
        result => Ok(result as i32),
    }
}
// ANCHOR_END: bpf

// ANCHOR: container
type Failure = Box<dyn Error>;

/// A cgroup whose processes have these devices and no others.
struct Container {
    path: PathBuf,
}

impl Container {
    fn new(parent: &Path, rules: &[rules::Rule]) -> Result<Self, Failure> {
        let code = rules::filter(rules)?;
        let insns = code.to_ne_bytes();
        let load = ProgLoad {
            prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
            insn_cnt: code.len() as u32,
            insns: insns.as_ptr() as u64,
            license: c"MIT".as_ptr() as u64,
        };
        // SAFETY: slots and licence live until the call returns.
        let program = unsafe { bpf(BPF_PROG_LOAD, &load) }?;
        // SAFETY: the kernel has opened it for this call.
        let program = unsafe { OwnedFd::from_raw_fd(program) };

        let path = parent.join(format!("book-{}", std::process::id()));
        fs::create_dir(&path)?;
        let container = Self { path };
        let cgroup = fs::File::open(&container.path)?;
        let attach = ProgAttach {
            target_fd: cgroup.as_raw_fd(),
            attach_bpf_fd: program.as_raw_fd(),
            attach_type: BPF_CGROUP_DEVICE,
            attach_flags: 0,
        };
        // SAFETY: there are no addresses in it.
        unsafe { bpf(BPF_PROG_ATTACH, &attach) }?;
        Ok(container)
    }

    /// Runs a command of the shell inside.
    fn run(&self, command: &str) -> io::Result<String> {
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("echo $$ > \"$0\"/cgroup.procs; {command}"))
            .arg(&self.path)
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The cgroup holds the program: both go.
impl Drop for Container {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}
// ANCHOR_END: container

// ANCHOR: main
fn main() -> Result<(), Box<dyn Error>> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mut mounts = mounts.lines().map(|line| line.split(' '));
    let root = mounts.find_map(|mut words| {
        let at = words.nth(1)?;
        (words.next()? == "cgroup2").then_some(at)
    });
    let root = Path::new(root.ok_or("there is no cgroup2")?);

    let container = Container::new(root, &rules::RULES)?;
    for device in ["null", "zero", "full"] {
        let open = format!("(true < /dev/{device}) 2>&1 && echo allowed");
        let output = container.run(&open)?;
        let allowed = output.trim() == "allowed";
        println!("read /dev/{device}: {allowed}");
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
