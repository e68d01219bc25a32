//! What the tools share and what is not about eBPF: how they start and end, users' names,
//! text from other processes, packet sockets.
//!
//! The tools themselves are in `src/bin`, each a file of its own.

mod exit;
mod packet_socket;
mod text;
mod users;

pub use exit::{Exit, main};
pub use packet_socket::PacketSocket;
pub use text::{c_string, printable, seconds};
pub use users::Users;
