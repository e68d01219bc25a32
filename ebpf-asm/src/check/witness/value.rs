//! What a register holds in a run: a number, a pointer into an object, or nothing.

/// A register's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing that may be read.
    Unwritten(Lost),
    /// A number.
    Number(Number),
    /// A pointer.
    Pointer(Pointer),
    /// Something that is not modelled: a run that depends on it ends in silence.
    Opaque,
}

/// Where the value of a register went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lost {
    /// It never had one.
    Never,
    /// A call clobbered it.
    Call(u32),
    /// What it pointed to is gone: the packet was changed, or the reference released.
    Gone(u32),
}

/// A concrete number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) bits: u64,
    /// Whether every kernel knows it to be this constant. Where kernels differ it is false.
    pub(super) known: bool,
    /// The input that it was computed from, counted from 1; 0 if from none.
    pub(super) input: u16,
}

impl Number {
    pub(super) const fn known(bits: u64) -> Self {
        Self {
            bits,
            known: true,
            input: 0,
        }
    }
}

/// A pointer: an object and an offset into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pointer {
    /// Position among the run's objects.
    pub(super) object: u16,
    pub(super) offset: i64,
    /// Whether every kernel knows the offset to be this constant.
    pub(super) known: bool,
    /// The input that the offset was computed from, as in [`Number`].
    pub(super) input: u16,
    /// Whether it was loaded from the stack. A kernel that has looked at another path, on which
    /// there was any number, does not look at this one: what is wrong with pointers alone it
    /// then does not see.
    pub(super) from_stack: bool,
    /// Where a number that is not known was added, counted from 1 in the run's list; 0 if nowhere.
    pub(super) varied: u16,
}

/// What a pointer points to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) null: Null,
    /// The slot where it came from.
    pub(super) origin: u32,
    /// Whether it is a reference that has to be given back.
    pub(super) held: bool,
    /// How many callbacks were active when it was made.
    pub(super) born: u8,
    /// The slot where it went away: given back, or the packet was changed.
    pub(super) gone: Option<u32>,
    /// The slot where it was compared with null.
    pub(super) checked: Option<u32>,
    /// The object whose reference keeps it.
    pub(super) part_of: Option<u16>,
    /// The map of which it is assumed that it may not be there.
    pub(super) absent_from: Option<u16>,
}

/// What kind of thing an object is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Context,
    /// The stack of a frame.
    Stack(u8),
    Map(u16),
    /// A map that was looked up in another.
    InnerMap,
    /// A value of a map.
    MapValue(u16),
    /// The packet: data begins at offset 0, what stands before it is metadata.
    Packet,
    PacketMeta,
    PacketEnd,
    /// Memory of so many bytes: a record of a ring buffer.
    Record(u64),
    Socket(Socket),
    FlowKeys,
    /// A map or the address of its only value, whichever its definition says.
    Symbol(u16),
    /// A function of the program, by its first slot.
    Function(u32),
    /// A key of a map, as callbacks get it.
    MapKey(u16),
    /// Memory of so many bytes that a global function is given.
    Memory(u64),
    /// A kernel object with a type of its own.
    KernelObject,
}

/// How much of a socket there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Socket {
    Full,
    Common,
    Tcp,
    Xdp,
}

/// Whether a pointer may be null, and what it is in this run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Null {
    /// It is not, and every kernel knows.
    Never,
    /// It may be as far as every kernel knows; in this run it is or is not.
    Unchecked(bool),
    /// Some kernels know that it is not null, others do not.
    Uncertain,
    /// It was compared with null, and is.
    Is,
}

impl Kind {
    /// The kernel's word for it, without `_or_null`.
    pub(super) const fn kernel_name(self) -> &'static str {
        match self {
            Self::Context => "ctx",
            Self::Stack(_) => "fp",
            Self::Map(_) | Self::InnerMap => "map_ptr",
            Self::MapValue(_) => "map_value",
            Self::Packet => "pkt",
            Self::PacketMeta => "pkt_meta",
            Self::PacketEnd => "pkt_end",
            Self::Record(_) => "ringbuf_mem",
            Self::Socket(Socket::Full) => "sock",
            Self::Socket(Socket::Common) => "sock_common",
            Self::Socket(Socket::Tcp) => "tcp_sock",
            Self::Socket(Socket::Xdp) => "xdp_sock",
            Self::FlowKeys => "flow_keys",
            Self::Symbol(_) => "map_ptr",
            Self::Function(_) => "func",
            Self::MapKey(_) => "map_key",
            Self::Memory(_) => "mem",
            Self::KernelObject => "ptr",
        }
    }

    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Context => "the context",
            Self::Stack(_) => "the stack",
            Self::Map(_) | Self::InnerMap => "a map",
            Self::MapValue(_) => "a map's value",
            Self::Packet => "the packet",
            Self::PacketMeta => "the packet's metadata",
            Self::PacketEnd => "the packet's end",
            Self::Record(_) => "a ring buffer's record",
            Self::Socket(_) => "a socket",
            Self::FlowKeys => "the flow keys",
            Self::Symbol(_) => "a map or global",
            Self::Function(_) => "a function",
            Self::MapKey(_) => "a map's key",
            Self::Memory(_) => "the caller's memory",
            Self::KernelObject => "a kernel object",
        }
    }

    pub(super) const fn is_packet(self) -> bool {
        matches!(self, Self::Packet | Self::PacketMeta)
    }
}
