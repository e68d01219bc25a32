use crate::support::{STREAM_VERDICT, STREAM_VERDICT_KFUNC, Tool, leaves_nothing};

const LINES: [&str; 7] = [
    "Sent 'foo', received 'foo'",
    "Sent 'bar', received 'bar'",
    "Sent 'foobar', received ''",
    "Sent 'fooba', received 'fooba'",
    "Sent 'snafu', received 'snafu'",
    "Sent 'ffoobarbaz', received ''",
    "Sent 'bazbarfoo', received 'bazbarfoo'",
];

/// By a helper.
pub(crate) fn drops_foobar() {
    leaves_nothing(|| {
        assert_eq!(Tool::start(STREAM_VERDICT, &[]).succeeds(), LINES);
    });
}

/// By a function of the kernel, in a loop of the kernel.
pub(crate) fn drops_foobar_by_kfunc() {
    leaves_nothing(|| {
        assert_eq!(Tool::start(STREAM_VERDICT_KFUNC, &[]).succeeds(), LINES);
    });
}
