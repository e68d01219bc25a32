//! Messages that a program on the way may shorten or drop.

use crate::Exit;
use std::io::{ErrorKind, Write, stdout};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// What is sent to a program that looks for "foobar".
pub const MESSAGES: [&str; 7] = [
    "foo",
    "bar",
    "foobar",
    "fooba",
    "snafu",
    "ffoobarbaz",
    "bazbarfoo",
];

/// How long a message may take from one socket to the other.
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends messages, and prints for each what arrives: nothing, if it is dropped.
///
/// # Errors
/// What sending, receiving and printing say.
pub fn print_what_arrives(
    sender: &UnixDatagram,
    receiver: &UnixDatagram,
    messages: &[&str],
) -> Result<(), Exit> {
    let failed = |error| Exit::io("sending messages to itself", &error);
    receiver.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let longest = messages.iter().map(|message| message.len()).max();
    let mut buffer = vec![0; longest.unwrap_or(0)];
    for sent in messages {
        sender.send(sent.as_bytes()).map_err(failed)?;
        let length = match receiver.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(failed(error)),
        };
        let received = String::from_utf8_lossy(&buffer[..length]);
        writeln!(stdout(), "Sent '{sent}', received '{received}'")?;
    }
    Ok(())
}
