//! Any text is a log: it is read without a panic, and no line is lost.
#![no_main]

use ebpf_rt::verifier_log::{BtfLog, VerifierLog, hint, registers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let log = VerifierLog::parse(&text);
    assert!(log.lines().iter().map(|line| line.text).eq(text.lines()));

    let path = log.path();
    assert!(path.steps().len() <= log.lines().len());
    for register in 0..=10 {
        let value = path.value(register);
        let _ = (value.map(|value| value.in_words()), path.origin(register));
    }
    match log.reason() {
        Some(reason) => {
            let _ = (hint(&reason), reason.register(), reason.acquired_at());
        }
        None => assert_eq!(log.instruction(), None),
    }
    for state in registers(&text) {
        let _ = state.value.in_words();
    }
    let _ = BtfLog::parse(&text).map(|log| log.to_string());
});
