//! Listing: the answer to an exercise, an instruction taken apart.

// ANCHOR: file
fn main() {
    let bytes = [0x61, 0x12, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00];
    let [opcode, registers, offset @ .., _, _, _, _] = bytes;
    println!("class {}", opcode & 0x07);
    println!("size {:#04x}, mode {:#04x}", opcode & 0x18, opcode & 0xe0);
    println!("dst r{}, src r{}", registers & 0x0f, registers >> 4);
    println!("offset {}", i16::from_le_bytes(offset));

    let slot = ebpf_rt::isa::Insn::from_le_bytes(bytes);
    let decoded = ebpf_rt::isa::decode(&[slot]);
    println!("{}", decoded.expect("an instruction"));
}
// ANCHOR_END: file
