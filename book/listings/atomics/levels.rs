//! Listing: the levels of the instruction set and the kernels that have them.

// ANCHOR: file
use std::collections::BTreeMap;

use ebpf_rt::isa::TABLE;

fn main() {
    // Level and first kernel, and the instructions that came with both.
    let mut groups: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for row in &TABLE {
        if let (Some(level), Some(kernel)) = (row.level, row.min_kernel) {
            groups.entry((level, kernel)).or_default().push(row.name);
        }
    }
    for ((level, kernel), names) in groups {
        let kernel = kernel.to_string();
        let first = names[..2.min(names.len())].join(", ");
        println!("{level:?}  {kernel:>5}  {:>3}: {first}, …", names.len());
    }
}
// ANCHOR_END: file
