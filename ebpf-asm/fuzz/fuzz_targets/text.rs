//! Any text assembles or is told where it is wrong; objects are at least parsed.
#![no_main]

use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence, parse_source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut diagnostics = Vec::new();
    let tokens = lex(text, &mut diagnostics);
    let _ = parse_source(&tokens);
    let _ = parse_sequence(&tokens, ParseOptions { relaxed: true });
    match ebpf_asm::assemble(text) {
        Ok(code) => {
            // What was assembled can be listed, and the listing says the same.
            let again = ebpf_asm::import::listing(&code.to_string());
            assert_eq!(again.as_ref(), Ok(&code), "{code}");
            // And without numbers and bytes it is source.
            let again = ebpf_asm::assemble(&code.plain().to_string());
            assert_eq!(again.as_ref(), Ok(&code), "{code}");
        }
        Err(errors) => {
            assert!(errors.has_errors());
            for error in &errors {
                let (start, end) = (error.span.start as usize, error.span.end as usize);
                assert!(text.get(start..end).is_some(), "{error:?}");
            }
            let _ = errors.to_string();
        }
    }
});
