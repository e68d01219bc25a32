//! Listing: what another tool has disassembled, read back.

// ANCHOR: file
// ANCHOR: text
const OBJDUMP: &str = include_str!("objdump.txt");
// ANCHOR_END: text

// ANCHOR: main
fn main() -> Result<(), ebpf_asm::Diagnostics> {
    let code = ebpf_asm::import::listing(OBJDUMP)?;
    println!("{code}");
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
