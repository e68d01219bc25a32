//! Any bytes are code: they decode, print, and the text gives them back.
#![no_main]

use ebpf_asm::Code;
use ebpf_asm::isa::{Insn, decode_all};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (slots, _) = bytes.as_chunks::<8>();
    let insns: Vec<Insn> = slots
        .iter()
        .map(|&slot| Insn::from_le_bytes(slot))
        .collect();
    let mut again = Vec::new();
    for (_, decoded) in decode_all(&insns) {
        again.extend_from_slice(&decoded.encode());
    }
    assert_eq!(again, insns);

    let code = Code::from_vec(insns);
    let listing = code.to_string();
    assert_eq!(
        ebpf_asm::import::listing(&listing).as_ref(),
        Ok(&code),
        "{listing}"
    );
    // The text alone says the same.
    let text = listing.lines().map(|line| {
        let line = line.trim_start();
        line.split_once("  ").map_or(line, |(_, text)| text)
    });
    let text = text.collect::<Vec<_>>().join("\n");
    assert_eq!(ebpf_asm::assemble(&text).as_ref(), Ok(&code), "{text}");
});
