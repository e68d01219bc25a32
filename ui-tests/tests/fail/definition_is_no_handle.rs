use bpf::{HashMap, ebpf};

ebpf! {
    #[license = "GPL"]
    mod opens {
        pub static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);
    }
}

fn main() {
    let _ = opens::COUNTS.get(&1);
}
