//! The README's hello-world with aya, without what clang has to make of it.

use aya::maps::HashMap;
use aya::programs::TracePoint;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut opens = aya::Ebpf::load_file("opens_by_user.o")?;
    let count: &mut TracePoint = opens
        .program_mut("count")
        .ok_or("the object has no such program")?
        .try_into()?;
    count.load()?;
    count.attach("syscalls", "sys_enter_openat")?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    let counts = opens.map("COUNTS").ok_or("the object has no such map")?;
    let counts: HashMap<_, u32, u64> = counts.try_into()?;
    for entry in counts.iter() {
        let (uid, count) = entry?;
        println!("{uid:>6} {count}");
    }
    Ok(())
}
