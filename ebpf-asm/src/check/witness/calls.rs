//! Calls of helpers: what they demand of their arguments, what they do to the machine, and what
//! they give back.

use super::run::{Result, Run, Stop};
use super::value::{Kind, Lost, Null, Number, Socket, Value};
use crate::check::facts::MapFacts;
use crate::check::facts::RDONLY_PROG;
use crate::check::{Assumption, Finding, tables};
use crate::diag::Rule;
use crate::helpers::{self, Helper, ReturnFlags, ReturnKind, ReturnValue};
use crate::{MapType, ProgramType};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What the arguments before this one said.
#[derive(Default)]
pub(super) struct Told {
    /// The map.
    pub(super) map: Option<u16>,
    /// The key of a map, if it is known to this run.
    pub(super) key: Option<u64>,
    /// The object that is given back.
    pub(super) released: Option<u16>,
    /// The object that the result is a view of.
    pub(super) viewed: Option<u16>,
    /// The map that the value with a timer is in.
    pub(super) map_of_value: Option<u16>,
    /// The lock, and where in its object it is.
    pub(super) lock: Option<(u16, i64)>,
    /// The function that is called, and the register with it.
    pub(super) function: Option<(u32, usize)>,
    /// The size of what is allocated.
    pub(super) allocated: Option<u64>,
    /// The largest size of memory.
    pub(super) size: Option<u64>,
    /// Whether something was given that is not modelled.
    pub(super) opaque: bool,
}

impl Run<'_> {
    pub(super) fn helper(&mut self, id: u32) -> Result<usize> {
        let facts = self.program.facts;
        let Some(helper) = helpers::by_id(id) else {
            return Err(self
                .finding(
                    Rule::HelperUnavailable,
                    format!("no kernel has a helper {}", id.cast_signed()),
                    format!("invalid func unknown#{}", id.cast_signed()),
                )
                .into());
        };
        let name = helper.name;
        if let Some(program_type) = facts.program_type
            && !helper.callable_from(program_type)
        {
            return Err(self
                .finding(
                    Rule::HelperUnavailable,
                    format!("`{}` programs cannot call `{name}`", program_type.name()),
                    format!("program of this type cannot use helper {name}#{id}"),
                )
                .into());
        }
        let form = match facts.program_type {
            Some(program_type) => helper.form(program_type),
            // Which of several forms it is depends on the type.
            None if !helper.variants.is_empty() => return Err(Stop::Over),
            None => helper.form(ProgramType::SocketFilter),
        };
        if form.gpl_only && facts.gpl_compatible == Some(false) {
            return Err(self
                .finding(
                    Rule::HelperLicense,
                    format!("`{name}` is for programs whose licence is compatible with the GPL"),
                    "cannot call GPL-restricted function from non-GPL compatible program",
                )
                .with_help("write `#[license = \"GPL\"]`, if that is the licence")
                .into());
        }
        self.call_under_lock(name)?;
        let mut told = Told::default();
        for (index, argument) in form.args.iter().enumerate() {
            self.argument(helper, form.args, index, *argument, &mut told)?;
        }
        if let Some(map) = told.map {
            self.map_of_call(helper, map)?;
        }
        if name == "bpf_get_local_storage" {
            self.no_flags(helper)?;
        }
        if let Some((target, register)) = told.function {
            return self.call_back(helper, target, register, &told);
        }
        if let Some(lock) = told.lock {
            self.lock_or_unlock(name, lock)?;
        }
        if name == "bpf_tail_call" && self.depth() == 0 {
            self.no_references("tail_call")?;
        }
        if let Some(object) = told.released {
            if self.objects[usize::from(object)].born < self.callbacks_active() {
                // Newer kernels refuse it; older ones take the callback for called once.
                return Err(Stop::Over);
            }
            self.release(object);
        }
        if tables::changes_packet(name) {
            let at = self.at as u32;
            for object in &mut self.objects {
                if matches!(
                    object.kind,
                    Kind::Packet | Kind::PacketMeta | Kind::PacketEnd
                ) && object.gone.is_none()
                {
                    object.gone = Some(at);
                }
            }
        }
        let result = self.result(helper, form.ret, &told)?;
        Ok(self.after_call(result))
    }

    /// Whether the helper works on maps like this.
    fn map_of_call(&mut self, helper: &Helper, map: u16) -> Result<()> {
        let (name, id) = (helper.name, helper.id);
        let changes = matches!(
            name,
            "bpf_map_update_elem"
                | "bpf_map_delete_elem"
                | "bpf_map_push_elem"
                | "bpf_map_pop_elem"
        );
        let Some(facts) = self.program.facts.map(map) else {
            let others = tables::maps_not_taken(id);
            if others != 0 {
                let assumed = [Assumption::IsMap(map), Assumption::IsOneOf(map, others)];
                self.oblige(&assumed, |run| {
                    run.finding(
                        Rule::MapKind,
                        format!(
                            "`{name}` does not work on maps of the kind of `{}`",
                            run.program.facts.map_name(map)
                        ),
                        format!("cannot pass map_type N into func {name}#{id}"),
                    )
                    .with_help(kinds_taken(id))
                });
            }
            if changes {
                self.oblige(&[Assumption::HasFlags(map, RDONLY_PROG)], |run| {
                    run.unchangeable(name, run.program.facts.map_name(map))
                });
            }
            return Ok(());
        };
        if !tables::takes_map(id, facts.map_type) {
            return Err(self
                .finding(
                    Rule::MapKind,
                    format!(
                        "`{name}` does not work on maps of the type `{}`, and `{}` is one",
                        facts.map_type.name(),
                        facts.name
                    ),
                    format!(
                        "cannot pass map_type {} into func {name}#{id}",
                        facts.map_type.as_raw()
                    ),
                )
                .with_help(kinds_taken(id))
                .into());
        }
        if changes && !facts.programs_may_write() {
            return Err(self.unchangeable(name, &facts.name).into());
        }
        let types = &self.program.facts;
        if matches!(facts.map_type, MapType::Sockmap | MapType::Sockhash)
            && let Some(program_type) = types.program_type
            && !tables::may_change_sockmap(name, program_type, types.min_kernel)
        {
            return Err(self
                .finding(
                    Rule::MapKind,
                    format!(
                        "`{}` programs cannot call `{name}` on maps of sockets",
                        program_type.name()
                    ),
                    format!(
                        "cannot pass map_type {} into func {name}#{id}",
                        facts.map_type.as_raw()
                    ),
                )
                .with_help("let user space change the map, or a `sock_ops` program by `bpf_sock_map_update`")
                .into());
        }
        Ok(())
    }

    /// A helper whose second argument has to be zero.
    fn no_flags(&mut self, helper: &Helper) -> Result<()> {
        match self.registers[2] {
            Value::Number(number) if number.bits != 0 => {
                self.hurt(number.input);
                Err(self
                    .finding(
                        Rule::ArgumentKind,
                        format!(
                            "`{}` has no flags: `r2` has to be 0, and it is {}",
                            helper.name,
                            number.bits.cast_signed()
                        ),
                        "get_local_storage() doesn't support non-zero flags",
                    )
                    .with_help("write `r2 = 0;` before the call")
                    .into())
            }
            Value::Number(number) => {
                self.wish(None, number.input, 1);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A helper changes a map that programs may only read.
    fn unchangeable(&self, helper: &str, map: &str) -> Finding {
        self.finding(
            Rule::ForbiddenAccess,
            format!("`{helper}` changes `{map}`, which programs may only read"),
            "write into map forbidden",
        )
        .with_help("its definition has the flag `BPF_F_RDONLY_PROG`: only user space may change it")
    }

    pub(super) fn release(&mut self, object: u16) {
        let at = self.at as u32;
        self.objects[usize::from(object)].held = false;
        for index in 0..self.objects.len() {
            let one = &mut self.objects[index];
            if index == usize::from(object) || one.part_of == Some(object) {
                one.gone = Some(at);
            }
        }
    }

    /// Nothing may be held any more.
    pub(super) fn no_references(&mut self, what: &str) -> Result<()> {
        let Some(held) = self.objects.iter().find(|object| object.held) else {
            return Ok(());
        };
        let (name, origin) = (held.kind.name(), held.origin);
        let release = match held.kind {
            Kind::Record(_) => {
                "call `bpf_ringbuf_submit` or `bpf_ringbuf_discard` on every path where it is not null"
            }
            _ => "call `bpf_sk_release` on every path where it is not null",
        };
        Err(self
            .finding(
                Rule::ReferenceLeak,
                format!("{name} is not given back on this path"),
                format!("{what} would lead to reference leak"),
            )
            .because("it was acquired in the call", Some(origin))
            .with_help(release)
            .into())
    }

    fn result(&mut self, helper: &Helper, ret: ReturnValue, told: &Told) -> Result<Value> {
        let nullable = ret.flags.contains(ReturnFlags::NULLABLE);
        let mut acquires = ret.flags.contains(ReturnFlags::ACQUIRE);
        let kind = match ret.kind {
            ReturnKind::Void => return Ok(Value::Unwritten(Lost::Call(self.at as u32))),
            ReturnKind::Integer => return self.number_from(helper, told),
            ReturnKind::PtrToMapValue => {
                let Some(map) = told.map else {
                    return Ok(Value::Opaque);
                };
                let facts = self.program.facts.map(map);
                match facts.map(|facts| facts.map_type) {
                    None => {
                        self.assume(Assumption::HoldsValues(map));
                        Kind::MapValue(map)
                    }
                    Some(MapType::ArrayOfMaps) => {
                        let facts = facts.and_then(|facts| array_lookup(facts, told));
                        match facts {
                            Some(Null::Uncertain) => return Ok(Value::Opaque),
                            _ => Kind::InnerMap,
                        }
                    }
                    Some(MapType::HashOfMaps) => Kind::InnerMap,
                    Some(MapType::Sockmap | MapType::Sockhash) => {
                        acquires = true;
                        Kind::Socket(Socket::Full)
                    }
                    Some(MapType::Xskmap) => Kind::Socket(Socket::Xdp),
                    Some(_) => {
                        if let Some(null) = facts.and_then(|facts| array_lookup(facts, told)) {
                            return Ok(self.object(Kind::MapValue(map), null));
                        }
                        Kind::MapValue(map)
                    }
                }
            }
            ReturnKind::PtrToSocket => Kind::Socket(Socket::Full),
            ReturnKind::PtrToSockCommon => Kind::Socket(Socket::Common),
            ReturnKind::PtrToTcpSock => Kind::Socket(Socket::Tcp),
            ReturnKind::PtrToRingbufMem => match told.allocated {
                Some(size) => Kind::Record(size),
                None => return Ok(Value::Opaque),
            },
            ReturnKind::PtrToBtfId if nullable => Kind::KernelObject,
            _ => return Ok(Value::Opaque),
        };
        if told.opaque && !matches!(kind, Kind::MapValue(_)) {
            return Ok(Value::Opaque);
        }
        let value = if nullable {
            self.maybe(kind)?
        } else {
            self.object(kind, Null::Never)
        };
        if let Value::Pointer(pointer) = value {
            if let Kind::MapValue(map) = kind
                && self.program.facts.map(map).is_none()
            {
                self.objects[usize::from(pointer.object)].absent_from = Some(map);
            }
            let there = self.of(pointer).null != Null::Unchecked(true);
            let object = &mut self.objects[usize::from(pointer.object)];
            // A null that nobody looked at counts as held for the kernel as well.
            object.held = acquires && there;
            if !acquires && views(helper.name) {
                object.part_of = told.viewed;
            }
        }
        Ok(value)
    }

    /// A number that a helper returns: what some kernel knows of it is kept to.
    fn number_from(&mut self, helper: &Helper, told: &Told) -> Result<Value> {
        let number = match helper.name {
            "bpf_get_smp_processor_id" | "bpf_get_numa_node_id" => Number {
                bits: 0,
                known: false,
                input: 0,
            },
            "bpf_probe_read_str"
            | "bpf_probe_read_kernel_str"
            | "bpf_probe_read_user_str"
            | "bpf_get_stack"
            | "bpf_get_task_stack" => {
                let (fails, input) = self.choice()?;
                self.wish(None, input, u64::from(!fails));
                let most = told.size.unwrap_or(0);
                let bits = if fails {
                    most
                } else {
                    (-14_i64).cast_unsigned()
                };
                Number {
                    bits,
                    known: false,
                    input: 0,
                }
            }
            _ => return self.any(8),
        };
        Ok(Value::Number(number))
    }
}

/// The kinds of maps that a helper works on, in words.
fn kinds_taken(helper: u32) -> String {
    let taken: Vec<&str> = MapType::ALL
        .iter()
        .filter(|&&kind| tables::takes_map(helper, kind) && !tables::may_learn(kind))
        .map(|map_type| map_type.name())
        .collect();
    format!("it works on maps of the types {}", taken.join(", "))
}

/// What a look-up in an array gives, where the key is known to this run: newer kernels know that
/// there is a value, if the key is a constant.
fn array_lookup(facts: &MapFacts, told: &Told) -> Option<Null> {
    if !matches!(
        facts.map_type,
        MapType::Array | MapType::PercpuArray | MapType::ArrayOfMaps
    ) {
        return None;
    }
    match told.key {
        Some(key) if key < u64::from(facts.max_entries) => Some(Null::Uncertain),
        Some(_) => Some(Null::Unchecked(true)),
        None => None,
    }
}

/// Helpers that give another view of the socket in their argument.
fn views(name: &str) -> bool {
    matches!(name, "bpf_sk_fullsock" | "bpf_tcp_sock") || name.starts_with("bpf_skc_to_")
}
