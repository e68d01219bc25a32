//! Any listing is read or is told where it is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match ebpf_asm::import::listing(text) {
        Ok(code) => {
            let again = ebpf_asm::import::listing(&code.to_string());
            assert_eq!(again.as_ref(), Ok(&code), "{code}");
        }
        Err(errors) => {
            assert!(errors.iter().all(|error| error.code == "BPF0070"));
            for error in &errors {
                let (start, end) = (error.span.start as usize, error.span.end as usize);
                assert!(text.get(start..end).is_some(), "{error:?}");
            }
            let _ = errors.to_string();
        }
    }
});
