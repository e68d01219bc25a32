// The rest: an ordinary crate, whose build script builds the program.
use aya::Ebpf;
use aya::maps::HashMap;
use aya::programs::TracePoint;
use std::fs::File;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let object = concat!(env!("OUT_DIR"), "/opens");
    let mut ebpf = Ebpf::load_file(object)?;
    let program = ebpf.program_mut("count").ok_or("no program")?;
    let program: &mut TracePoint = program.try_into()?;
    program.load()?;
    program.attach("syscalls", "sys_enter_openat")?;
    for _ in 0..3 {
        File::open("/dev/null")?;
    }
    let map = ebpf.map("COUNTS").ok_or("no map")?;
    let counts: HashMap<_, u32, u64> = HashMap::try_from(map)?;
    println!("{} files opened", counts.get(&std::process::id(), 0)?);
    Ok(())
}
