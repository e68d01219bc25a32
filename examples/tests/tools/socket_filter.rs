use crate::support::{SOCKET_FILTER, Tool, leaves_nothing};

pub(crate) fn hello() {
    leaves_nothing(|| {
        let lines = Tool::start(SOCKET_FILTER, &[]).succeeds();
        assert_eq!(lines, [r#"Sent "Hello", received "Hell""#]);
    });
}
