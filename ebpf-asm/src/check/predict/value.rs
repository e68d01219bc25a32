//! What a register holds on a path.

use super::scalar::Scalar;

/// A register's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing that may be read; the slot of the call that clobbered it.
    Unwritten(Option<u32>),
    Number(Scalar),
    Pointer(Pointer),
    /// Something that is not modelled: a path that depends on it ends in silence.
    Opaque,
}

/// A pointer, and what is known of its offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pointer {
    pub(super) kind: Kind,
    /// The part of the offset that is a constant.
    pub(super) fixed: i64,
    /// The other part.
    pub(super) variable: Scalar,
    /// Pointers of one look-up or packet have one identity.
    pub(super) id: u32,
    /// How many bytes behind its start are there, of a packet.
    pub(super) range: i64,
    pub(super) null: Null,
    /// The reference that keeps it; 0 if it needs none.
    pub(super) held: u32,
    /// The slot where it came from, for messages.
    pub(super) origin: u32,
    /// What was added last, for messages.
    pub(super) added: Option<Added>,
}

/// A register that was added to a pointer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added {
    pub(super) register: u8,
    pub(super) slot: u32,
    /// The most that it was.
    pub(super) most: u64,
}

impl PartialEq for Pointer {
    /// What is for messages only does not count.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.fixed == other.fixed
            && self.variable.has_bounds_of(&other.variable)
            && self.id == other.id
            && self.range == other.range
            && self.null == other.null
            && self.held == other.held
    }
}

/// Whether a pointer may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Null {
    Never,
    Maybe,
    /// It depends on what is not known here.
    Uncertain,
}

/// What a pointer points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Context,
    /// The stack of a frame.
    Stack(u8),
    Map(u16),
    MapValue(u16),
    Packet,
    PacketMeta,
    PacketEnd,
    /// Memory of so many bytes: a record of a ring buffer.
    Record(u64),
    Socket,
    SockCommon,
}

impl Kind {
    /// The kernel's word for it, without `_or_null`.
    pub(super) const fn kernel_name(self) -> &'static str {
        match self {
            Self::Context => "ctx",
            Self::Stack(_) => "fp",
            Self::Map(_) => "map_ptr",
            Self::MapValue(_) => "map_value",
            Self::Packet => "pkt",
            Self::PacketMeta => "pkt_meta",
            Self::PacketEnd => "pkt_end",
            Self::Record(_) => "ringbuf_mem",
            Self::Socket => "sock",
            Self::SockCommon => "sock_common",
        }
    }

    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Context => "the context",
            Self::Stack(_) => "the stack",
            Self::Map(_) => "a map",
            Self::MapValue(_) => "a map's value",
            Self::Packet => "the packet",
            Self::PacketMeta => "the packet's metadata",
            Self::PacketEnd => "the packet's end",
            Self::Record(_) => "a ring buffer's record",
            Self::Socket | Self::SockCommon => "a socket",
        }
    }

    pub(super) const fn is_packet(self) -> bool {
        matches!(self, Self::Packet | Self::PacketMeta)
    }
}

impl Pointer {
    pub(super) const fn new(kind: Kind, origin: u32) -> Self {
        Self {
            kind,
            fixed: 0,
            variable: Scalar::known(0, origin),
            id: 0,
            range: 0,
            null: Null::Never,
            held: 0,
            origin,
            added: None,
        }
    }

    /// Whether its offset is a constant.
    pub(super) const fn is_fixed(&self) -> bool {
        self.variable.bits.is_known()
    }

    /// The offset of one that is fixed.
    pub(super) const fn offset(&self) -> i64 {
        self.fixed
            .saturating_add(self.variable.bits.value.cast_signed())
    }
}
