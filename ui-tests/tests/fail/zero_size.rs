use bpf::{Global, Rodata, ebpf};

ebpf! {
    #[license = "GPL"]
    mod empty {
        static NOTHING: Global<()> = Global::new(());
        static NEITHER: Rodata<[u8; 0]> = Rodata::new([]);
    }
}

fn main() {}
