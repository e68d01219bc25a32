//! What the tools share and what is not about eBPF: how they start and end, users' names,
//! text from other processes, histograms, messages, packet sockets.
//!
//! The tools themselves are in `src/bin`, each a file of its own.

mod exit;
mod histogram;
mod interrupt;
mod losses;
mod messages;
mod packet_socket;
pub mod recorded;
mod text;
mod user_table;
mod users;

pub use exit::{Exit, run_tool};
pub use histogram::Histogram;
pub use interrupt::Interrupt;
pub use losses::Losses;
pub use messages::{MESSAGES, print_what_arrives};
pub use packet_socket::PacketSocket;
pub use text::{c_string, errno_name, json_text, printable, seconds};
pub use user_table::print_user_table;
pub use users::Users;
