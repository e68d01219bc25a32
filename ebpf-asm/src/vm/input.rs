//! What a program is run on.

use super::memory::Memory;
use super::state::State;

/// What a program is run on: a context, and for programs on packets a packet.
///
/// ```
/// # #[cfg(feature = "text")] {
/// use ebpf_asm::vm::{Input, Vm};
///
/// let mut vm = Vm::new();
/// // Drops packets whose first byte is not 4.
/// let program = vm.load_code("first_byte", &ebpf_asm::assemble("
///     r0 = 1                      # XDP_DROP
///     r2 = *(u32 *)(r1 + 0)       # data
///     r3 = *(u32 *)(r1 + 4)       # data_end
///     r4 = r2
///     r4 += 1
///     if r4 > r3 goto out
///     r2 = *(u8 *)(r2 + 0)
///     if r2 != 4 goto out
///     r0 = 2                      # XDP_PASS
/// out:
///     exit
/// ")?);
/// assert_eq!(vm.run_on(program, Input::xdp(&mut [4, 5, 6]))?, 2);
/// assert_eq!(vm.run_on(program, Input::xdp(&mut []))?, 1);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Input<'a> {
    context: Context<'a>,
    packet: Option<&'a mut [u8]>,
}

#[derive(Debug)]
enum Context<'a> {
    Bytes(&'a mut [u8]),
    Xdp,
    Skb,
}

/// `struct xdp_md`.
const XDP_MD: usize = 24;
/// `struct __sk_buff`.
const SK_BUFF: usize = 192;

impl<'a> Input<'a> {
    /// A context as the program sees it. What the program writes to it is there afterwards.
    #[must_use]
    pub const fn context(bytes: &'a mut [u8]) -> Self {
        Self {
            context: Context::Bytes(bytes),
            packet: None,
        }
    }

    /// A packet for an XDP program: its context is a `struct xdp_md`. What the program writes to
    /// the packet is there afterwards.
    #[must_use]
    #[doc(alias = "xdp_md")]
    pub const fn xdp(packet: &'a mut [u8]) -> Self {
        Self {
            context: Context::Xdp,
            packet: Some(packet),
        }
    }

    /// A packet for a program on socket buffers, as it lies in memory from `data` on: its
    /// context is a `struct __sk_buff` with length and bounds, and zeros.
    #[must_use]
    #[doc(alias = "__sk_buff")]
    pub const fn skb(packet: &'a mut [u8]) -> Self {
        Self {
            context: Context::Skb,
            packet: Some(packet),
        }
    }

    /// The same context with a packet behind it, for packet loads and `bpf_skb_load_bytes`.
    ///
    /// ```
    /// use ebpf_asm::vm::{Input, Vm};
    ///
    /// let mut vm = Vm::new();
    /// let text = "r6 = r1; r0 = *(u8 *)skb[1]; exit";
    /// let program = vm.load_code("second_byte", &ebpf_asm::assemble(text)?);
    /// let (mut context, mut packet) = ([0; 16], [4, 5, 6]);
    /// let input = Input::context(&mut context).with_packet(&mut packet);
    /// assert_eq!(vm.run_on(program, input)?, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_packet(self, packet: &'a mut [u8]) -> Self {
        Self {
            packet: Some(packet),
            ..self
        }
    }

    /// Puts it into memory; the length of the context.
    pub(super) fn put(&self, state: &mut State) -> usize {
        let packet = self.packet.as_deref().unwrap_or_default();
        let bytes = &mut state.memory.region_mut(state.packet).bytes;
        bytes.clear();
        bytes.extend_from_slice(packet);
        // The packet's region is the first, so that its addresses have 32 bits.
        let start = Memory::address(state.packet) as u32;
        let end = start + packet.len() as u32;
        let context = &mut state.memory.region_mut(state.context).bytes;
        context.clear();
        match &self.context {
            Context::Bytes(bytes) => context.extend_from_slice(bytes),
            Context::Xdp => {
                context.resize(XDP_MD, 0);
                put_words(context, &[(0, start), (4, end), (8, start)]);
            }
            Context::Skb => {
                context.resize(SK_BUFF, 0);
                let length = packet.len() as u32;
                put_words(
                    context,
                    &[(0, length), (76, start), (80, end), (140, start)],
                );
            }
        }
        context.len()
    }

    /// Copies what the program may have written back.
    pub(super) fn take(self, state: &State) {
        if let Context::Bytes(bytes) = self.context {
            bytes.copy_from_slice(&state.memory.region(state.context).bytes);
        }
        if let Some(packet) = self.packet {
            packet.copy_from_slice(&state.memory.region(state.packet).bytes);
        }
    }
}

fn put_words(bytes: &mut [u8], words: &[(usize, u32)]) {
    for &(at, word) in words {
        bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    }
}
