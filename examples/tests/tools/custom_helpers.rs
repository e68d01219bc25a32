use crate::support::{CUSTOM_HELPERS, Tool};

/// No kernel is asked, and nobody in particular asks.
pub(crate) fn calls() {
    let lines = Tool::start(CUSTOM_HELPERS, &["--budget", "5000"]).succeeds();
    assert_eq!(
        lines,
        [
            "foo[7, 9] is 9",
            "foo[6, 5] is 130",
            "is_even[20] is 1",
            "is_odd[20] is 0",
            "infinite_loop[3] was stopped after 5000 instructions",
        ]
    );
}
