//! How many bpf(2) calls it takes to load an object, counted by a program in the kernel: for a
//! process that has loaded nothing before.

use crate::{child, loading};
use benchmarks::Work;
use benchmarks::rounds::{Result, count_all};
use ebpf_rt::context::bpf_raw_tracepoint_args;
use ebpf_rt::{Global, ebpf};

ebpf! {
    /// Counts the bpf(2) calls of one process.
    #[license = "GPL"]
    mod watch {
        /// Whose calls are counted.
        static PROCESS: Global<u32> = Global::new(0);
        static CALLS: Global<u64> = Global::new(0);

        #[raw_tracepoint("sys_enter")]
        fn enter(ctx: *mut bpf_raw_tracepoint_args) -> i32 {
            r2 = *(u64 *)(r1 + 8);  // args[1]: the system call's number
            if r2 != {libc::SYS_bpf} goto done;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            r1 = PROCESS ll;
            r1 = *(u32 *)(r1 + 0);
            if r0 != r1 goto done;
            r1 = CALLS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }
    }
}

/// Where the child finds the objects.
const OBJECTS: &str = "BENCHMARKS_OBJECTS";

pub fn run(work: &Work) -> Result<()> {
    let watch = watch::load()?;
    let _link = watch.progs.enter.attach()?;
    let calls_of = |who: &str| -> Result<f64> {
        let maps = &watch.maps;
        maps.CALLS.set(0);
        child::run_watched("load", who, |process| maps.PROCESS.set(process))?;
        maps.PROCESS.set(0);
        match maps.CALLS.get() {
            0 => {
                Err("no call was seen: are process numbers of this namespace the kernel's?".into())
            }
            calls => Ok(calls as f64),
        }
    };
    if let Some(directory) = &work.objects {
        // SAFETY: this process has one thread.
        unsafe { std::env::set_var(OBJECTS, directory) };
    }
    for (file, case) in CASES {
        let mut subjects = vec![("ebpf-rt", calls_of(&format!("ebpf-rt {file}"))?)];
        if work.objects.is_some() {
            for peer in ["libbpf-rs", "aya"] {
                subjects.push((peer, calls_of(&format!("{peer} {file}"))?));
            }
        }
        count_all("bpf(2) calls", case, "calls", &subjects);
    }
    Ok(())
}

const CASES: [(&str, &str); 3] = [
    ("one", "one program"),
    ("counter", "one program, one map"),
    ("twenty", "20 programs, 10 maps"),
];

/// In the child: who loads what.
pub fn load(who: &str) -> Result<()> {
    let (who, file) = who.split_once(' ').ok_or("who is to load what?")?;
    let bytes = || -> Result<Vec<u8>> {
        let directory = std::env::var_os(OBJECTS).ok_or("where are the objects?")?;
        Ok(std::fs::read(
            std::path::Path::new(&directory)
                .join(file)
                .with_extension("o"),
        )?)
    };
    libbpf_rs::set_print(None);
    child::ready()?;
    match (who, file) {
        ("ebpf-rt", "one") => drop(loading::one::load()?),
        ("ebpf-rt", "counter") => drop(loading::counter::load()?),
        ("ebpf-rt", "twenty") => drop(loading::twenty::load()?),
        ("libbpf-rs", _) => drop(loading::load_libbpf(&bytes()?)?),
        ("aya", _) => drop(loading::load_aya(&bytes()?)?),
        _ => return Err("nobody loads this".into()),
    }
    Ok(())
}
