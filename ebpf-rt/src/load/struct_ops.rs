//! Tables of functions: maps whose value is a type of the kernel, filled with programs.

use super::RawMapOptions;
use super::target::{self, no_member};
use crate::btf::{self, Btf, Definition, IntEncoding, TypeId};
use crate::maps::struct_ops::{BPF_F_LINK, Filling};
use crate::maps::{RawMap, raw};
use crate::programs::RawProgram;
use crate::sys::bpf::{KernelValue, NewMap};
use crate::{Errno, Error, ErrorKind, capabilities, sys};
use ebpf_asm::object::{MapDef, ProgramKind, StructOpsDef, StructOpsValue};
use ebpf_asm::{MapType, Object};
use std::os::fd::AsFd;

/// BTF with one integer: the kernel wants that the process has some, and does not look into it.
fn any_btf() -> Vec<u8> {
    const HEADER: u32 = 24;
    // An integer without a name, of 4 bytes and 32 bits with a sign.
    const INT: [u32; 4] = [1, 1 << 24, 4, 1 << 24 | 32];
    const STRINGS: &[u8] = b"\0x\0";
    let mut bytes = 0xeb9f_u16.to_ne_bytes().to_vec();
    bytes.extend([1, 0]);
    let types = size_of_val(&INT) as u32;
    for word in [HEADER, 0, types, types, STRINGS.len() as u32] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.extend(INT.iter().flat_map(|word| word.to_ne_bytes()));
    bytes.extend(STRINGS);
    bytes
}

/// The programs of a table, by member: those that it names, else those that say so themselves.
fn programs_of<'a>(
    object: &'a Object,
    table: &'a StructOpsDef,
) -> Result<Vec<(&'a str, usize)>, Error> {
    let named = table
        .members
        .iter()
        .filter_map(|member| match member.value {
            StructOpsValue::Program(program) => Some((member.name, program)),
            _ => None,
        });
    let of_table = |index: usize| match object.programs[index].kind {
        ProgramKind::StructOps { ops, member, .. } if ops == table.ops => Some(member),
        _ => None,
    };
    let mut found = Vec::new();
    for (member, program) in named {
        let index = object.programs.iter().position(|def| def.name == program);
        let Some(index) = index else {
            return Err(Error::invalid(format!(
                "its member `{member}` is the program `{program}`, and the object has none of \
                 that name"
            )));
        };
        if of_table(index) != Some(member) {
            return Err(Error::invalid(format!(
                "its member `{member}` is the program `{program}`, which is {}",
                object.programs[index].kind
            ))
            .remedy(format!("write #[struct_ops({:?}, {member:?})]", table.ops)));
        }
        found.push((member, index));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    for index in 0..object.programs.len() {
        let Some(member) = of_table(index) else {
            continue;
        };
        if let Some((_, other)) = found.iter().find(|(known, _)| *known == member) {
            return Err(Error::invalid(format!(
                "`{}` and `{}` are both its member `{member}`",
                object.programs[*other].name, object.programs[index].name
            ))
            .remedy("name the program in the table: StructOpsMember::program(…)"));
        }
        found.push((member, index));
    }
    Ok(found)
}

/// Makes the map of a table; it is filled when the programs are there.
pub(super) fn create(
    object: &Object,
    def: &MapDef,
    table: &StructOpsDef,
    options: Option<&RawMapOptions>,
) -> Result<RawMap, Error> {
    let in_map = |error: Error| error.in_object(object.name).of_map(def.name);
    if options.is_some_and(|options| options.pin.is_some() || options.shared.is_some()) {
        return Err(in_map(
            Error::invalid("a struct_ops map is filled by the load that makes it")
                .remedy("pin the link that attach() gives"),
        ));
    }
    programs_of(object, table).map_err(in_map)?;
    let types = target::table(table.ops).map_err(in_map)?;
    let size = types.source.btf().size_of(types.value);
    let size = size.map_err(|error| in_map(unreadable(&error)))?;
    let value_size =
        u32::try_from(size).map_err(|_| in_map(Error::invalid("its type is too large")))?;
    let btf = sys::bpf::btf_load(&any_btf(), &mut []).map_err(|errno| {
        let error = Error::failed("BPF_BTF_LOAD", errno);
        in_map(match errno {
            Errno::EPERM => capabilities::explain(error, capabilities::for_object(object)),
            _ => error,
        })
    })?;
    let mut new = NewMap {
        name: def.name,
        map_type: MapType::StructOps,
        key_size: def.key_size,
        value_size,
        max_entries: def.max_entries,
        flags: def.flags | BPF_F_LINK,
        inner: None,
        extra: 0,
        types: None,
        kernel_value: Some(KernelValue {
            btf: btf.as_fd(),
            type_id: types.value.get(),
            module: types.source.module(),
        }),
    };
    let create = |new: &NewMap<'_>| raw::with_memlock(|| sys::bpf::map_create(new));
    let mut result = create(&new);
    let has_links = result.is_ok();
    if matches!(result, Err(Errno::EINVAL)) {
        // Linux before 6.4 has no links of tables.
        new.flags = def.flags;
        result = create(&new);
    }
    let fd = result.map_err(|errno| {
        let error = Error::failed("BPF_MAP_CREATE", errno);
        in_map(match errno {
            Errno::EPERM => capabilities::explain(error, capabilities::for_object(object)),
            Errno::EINVAL => {
                let error = error.because(format!("the kernel makes no table of `{}`", table.ops));
                capabilities::explain_since(error, 5, 6, "a struct_ops map")
            }
            Errno::ENOTSUPP | Errno::EOPNOTSUPP => error
                .with_kind(ErrorKind::Unsupported)
                .because(format!("this kernel has no tables of `{}`", table.ops)),
            _ => error,
        })
    })?;
    Ok(raw::of_kernel_type(
        fd,
        object.name,
        def,
        value_size,
        has_links,
    ))
}

fn unreadable(error: &btf::Error) -> Error {
    Error::new(ErrorKind::Unsupported)
        .because(format!("the kernel's type information is odd: {error}"))
}

/// Fills the tables of an object with its programs.
pub(super) fn fill(
    object: &Object,
    maps: &[RawMap],
    programs: &[Option<RawProgram>],
) -> Result<(), Error> {
    for (def, map) in object.maps.iter().zip(maps) {
        if let Some(table) = &def.struct_ops {
            fill_one(object, map, table, programs).map_err(|error| map.error(error))?;
        }
    }
    Ok(())
}

fn fill_one(
    object: &Object,
    map: &RawMap,
    table: &StructOpsDef,
    programs: &[Option<RawProgram>],
) -> Result<(), Error> {
    let types = target::table(table.ops)?;
    let layout = Layout {
        btf: types.source.btf(),
        ops: types.ops,
        name: table.ops,
        data: data_offset(types.source.btf(), types.value)?,
    };
    let mut filling = Filling {
        value: vec![0; map.value_size() as usize],
        programs: Vec::new(),
    };
    for member in table.members {
        let bytes = match member.value {
            StructOpsValue::Program(_) => continue,
            StructOpsValue::Integer(number) => layout.integer(member.name, number)?,
            StructOpsValue::Text(text) => layout.text(member.name, text)?,
            StructOpsValue::Bytes(bytes) => bytes.to_vec(),
            _ => {
                return Err(Error::invalid(
                    "a member is of a kind that is newer than this",
                ));
            }
        };
        layout.put(&mut filling.value, member.name, &bytes)?;
    }
    for (member, index) in programs_of(object, table)? {
        // What was left out, or is optional and was refused, is no member.
        let loaded = programs.get(index).and_then(Option::as_ref);
        let Some(program) = loaded.filter(|program| program.is_loaded()) else {
            continue;
        };
        let ours =
            sys::socket::duplicate(program.fd()?).map_err(|errno| Error::failed("dup", errno))?;
        let place = layout.function(member)?;
        filling.programs.push((place, ours));
    }
    map.fill_table(filling)
}

/// Where the kernel's type begins in the value: behind what the kernel keeps for itself.
fn data_offset(btf: &Btf<'_>, value: TypeId) -> Result<usize, Error> {
    let data = btf
        .member(value, "data")
        .map_err(|error| unreadable(&error))?;
    Ok((data.bit_offset / 8) as usize)
}

/// Where members are in the value.
struct Layout<'a> {
    btf: &'a Btf<'static>,
    ops: TypeId,
    name: &'a str,
    data: usize,
}

impl Layout<'_> {
    /// Where a member is, and its type.
    fn member(&self, member: &str) -> Result<(usize, TypeId), Error> {
        let found = self
            .btf
            .member(self.ops, member)
            .map_err(|error| match error {
                btf::Error::NoMember { .. } => no_member(self.name, member, &self.names()),
                error => Error::invalid(format!("its member `{member}`: {error}")),
            })?;
        if found.bit_size.is_some() {
            return Err(Error::invalid(format!(
                "its member `{member}` is a bit field"
            )));
        }
        Ok((self.data + (found.bit_offset / 8) as usize, found.ty))
    }

    fn names(&self) -> Vec<String> {
        match self.btf.get(self.ops).map(|ty| ty.definition) {
            Ok(Definition::Struct { members, .. }) => {
                let members = members.filter_map(Result::ok);
                members.map(|member| member.name.to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn size(&self, ty: TypeId) -> Result<usize, Error> {
        let size = self.btf.size_of(ty).map_err(|error| unreadable(&error))?;
        usize::try_from(size).map_err(|_| Error::invalid("a member is too large"))
    }

    /// Where a member is that is a function.
    fn function(&self, member: &str) -> Result<usize, Error> {
        let (place, ty) = self.member(member)?;
        let resolve = |ty| self.btf.resolve(ty).map_err(|error| unreadable(&error));
        let is_function = match resolve(ty)?.definition {
            Definition::Ptr(to) => {
                matches!(resolve(to)?.definition, Definition::FuncProto { .. })
            }
            _ => false,
        };
        match is_function {
            true => Ok(place),
            false => Err(Error::invalid(format!(
                "its member `{member}` is no function"
            ))),
        }
    }

    /// A number as the member's bytes.
    fn integer(&self, member: &str, number: i128) -> Result<Vec<u8>, Error> {
        let (_, ty) = self.member(member)?;
        let resolved = self.btf.resolve(ty).map_err(|error| unreadable(&error))?;
        let (is_number, signed) = match resolved.definition {
            Definition::Int { encoding, .. } => (true, encoding == IntEncoding::Signed),
            Definition::Enum { .. } => (true, number < 0),
            _ => (false, false),
        };
        let size = self.size(ty)?;
        if !is_number || size > 8 {
            return Err(Error::invalid(format!(
                "its member `{member}` is no number"
            )));
        }
        let bits = size as u32 * 8;
        let (low, high) = match signed {
            true => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
            false => (0, (1_i128 << bits) - 1),
        };
        if number < low || number > high {
            return Err(Error::invalid(format!(
                "its member `{member}` is {number}: it holds {low} to {high}"
            )));
        }
        let bytes = number.to_ne_bytes();
        Ok(match cfg!(target_endian = "little") {
            true => bytes[..size].to_vec(),
            false => bytes[16 - size..].to_vec(),
        })
    }

    /// A text as the member's bytes.
    fn text(&self, member: &str, text: &str) -> Result<Vec<u8>, Error> {
        let (_, ty) = self.member(member)?;
        let resolved = self.btf.resolve(ty).map_err(|error| unreadable(&error))?;
        let Definition::Array { length, .. } = resolved.definition else {
            return Err(Error::invalid(format!("its member `{member}` is no text")));
        };
        if text.len() >= length as usize || text.contains('\0') {
            return Err(Error::invalid(format!(
                "its member `{member}` is {text:?}: it holds {} bytes and the zero that ends them",
                length.saturating_sub(1)
            )));
        }
        Ok(text.as_bytes().to_vec())
    }

    fn put(&self, value: &mut [u8], member: &str, bytes: &[u8]) -> Result<(), Error> {
        let (place, ty) = self.member(member)?;
        let size = self.size(ty)?;
        let room = value.get_mut(place..place + size).unwrap_or_default();
        match room.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(Error::invalid(format!(
                "its member `{member}` has {} bytes: it holds {size}",
                bytes.len()
            ))),
        }
    }
}
