//! Listing: the instructions for a loader of one's own.

// ANCHOR: file
use ebpf_rt::{Code, ebpf_asm};

const MAP_FD: i32 = 3;

const COUNT: Code = ebpf_asm! {
    call bpf_get_current_pid_tgid;
    r0 >>= 32;
    *(u32 *)(r10 - 4) = w0;
    r2 = r10;
    r2 += -4;
    ld_pseudo r1, 1, {MAP_FD};
    call bpf_map_lookup_elem;
    if r0 == 0 goto done;
    r1 = 1;
    lock *(u64 *)(r0 + 0) += r1;
done:
    r0 = 0;
    exit;
};

fn main() {
    for insn in COUNT.insns().iter().take(3) {
        println!("{:02x?}", insn.to_le_bytes());
    }
    println!("{} slots", COUNT.len());
}
// ANCHOR_END: file
