use core::ffi::c_void;
use ebpf_rt::maps::flags::BPF_NOEXIST;
use ebpf_rt::{HashMap, ebpf};

ebpf! {
    /// Counts openat(2) calls per user.
    #[license = "GPL"]
    pub mod opens {
        static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);

        #[tracepoint("syscalls", "sys_enter_openat")]
        fn count(ctx: *mut c_void) -> i32 {
            call bpf_get_current_uid_gid;
            *(u32 *)(r10 - 4) = w0;        // the key: lower half is the user id
            r2 = r10;
            r2 += -4;
            r3 = r10;
            r3 += -16;
            *(u64 *)(r3 + 0) = 0;          // the value of a new entry
            r4 = BPF_NOEXIST;              // keep what another CPU may have put there
            r1 = COUNTS ll;
            call bpf_map_update_elem;
            r2 = r10;
            r2 += -4;
            r1 = COUNTS ll;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;          // the table is full
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        done:
            r0 = 0;
            exit;
        }
    }
}

fn main() -> Result<(), ebpf_rt::Error> {
    let opens = opens::load()?;               // two system calls
    let _link = opens.progs.count.attach()?;  // detaches when dropped
    std::thread::sleep(std::time::Duration::from_secs(2));
    for entry in opens.maps.COUNTS.iter() {
        let (uid, count) = entry?;
        println!("{uid:>6} {count}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_open_is_counted() -> Result<(), ebpf_rt::Error> {
        let opens = super::opens::vm()?;
        let count = &opens.progs.count;
        count.machine()?.with(|vm| vm.set_user(1000, 1000));
        for _ in 0..3 {
            count.run(&mut [])?;
        }
        assert_eq!(opens.maps.COUNTS.get(&1000)?, Some(3));
        assert_eq!(opens.maps.COUNTS.get(&0)?, None);
        Ok(())
    }
}
