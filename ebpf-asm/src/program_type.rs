//! Program types (being completed).

/// A kind of program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
#[expect(missing_docs, reason = "placeholder")]
pub enum ProgramType {
    SocketFilter = 1,
    Tracepoint = 5,
    RawTracepoint = 17,
}
