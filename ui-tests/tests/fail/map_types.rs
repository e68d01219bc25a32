use bpf::{HashMap, ebpf};

struct Event {
    pid: u32,
}

ebpf! {
    #[license = "GPL"]
    mod events {
        static LAST: HashMap<u32, Event> = HashMap::with_max_entries(16);
        static NUMBER: u64 = 5;
    }
}

fn main() {
    let _ = Event { pid: 1 }.pid;
}
