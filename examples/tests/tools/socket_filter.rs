use crate::support::{SOCKET_FILTER, Tool, leaves_nothing};

pub(crate) fn hello() {
    leaves_nothing(|| {
        let lines = Tool::start(SOCKET_FILTER, &[]).succeeds();
        assert_eq!(lines, ["Sent 'Hello', received 'Hell'"]);
    });
}

/// What Linux 6.18 says about the program.
const LOG: &str = "\
BPF Verifier output:
func#0 @0
Live regs before insn:
0: .......... (b7) r0 = 4
1: 0......... (95) exit
0: R1=ctx() R10=fp0
0: (b7) r0 = 4 ; R0=4
1: (95) exit
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
Sent 'Hello', received 'Hell'
";

/// The lines, with single spaces between their words.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn log() {
    let lines = Tool::start(SOCKET_FILTER, &["--log"]).succeeds();
    let lines: Vec<_> = lines.iter().map(|line| words(line)).collect();
    let expected: Vec<_> = LOG.lines().collect();
    if kernel_test::kernel_version() == (6, 18) {
        assert_eq!(lines, expected);
        return;
    }
    // Others say it in other words.
    assert_eq!(lines.first().unwrap(), expected[0]);
    assert_eq!(
        lines.last(),
        expected.last().map(|&line| line.to_owned()).as_ref()
    );
    for part in ["r0 = 4", "exit", "processed 2 insns"] {
        assert!(
            lines.iter().any(|line| line.contains(part)),
            "{part}: {lines:?}"
        );
    }
}
