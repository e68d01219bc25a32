//! `bpf_trace_printk`: lines are kept for the host.

use super::super::maps::MapError;
use super::{Builtin, Effect, HelperCall, Result, errno};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub(super) const BUILTINS: &[(&str, Builtin)] = &[("bpf_trace_printk", trace_printk)];

/// The kernel's limit for a line.
const LINE: usize = 1024;

fn trace_printk(call: &mut HelperCall<'_>) -> Result<Effect> {
    let [address, length, values @ ..] = call.arguments;
    let bytes = call.read(address, length & 0xffff_ffff)?;
    let Some((0, text)) = bytes.split_last() else {
        return Ok(errno(MapError::EINVAL.errno()));
    };
    let end = text
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(text.len());
    let format = text[..end].to_vec();
    let Some(line) = formatted(call, &format, &values) else {
        return Ok(errno(MapError::EINVAL.errno()));
    };
    let length = line.len() as u64;
    call.world.print(line);
    Ok(Effect::Return(length))
}

/// The line that the kernel would print; `None` for a format that it refuses.
fn formatted(call: &HelperCall<'_>, format: &[u8], values: &[u64]) -> Option<String> {
    let mut line = Vec::new();
    let mut values = values.iter().copied();
    let mut rest = format.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            if !byte.is_ascii() {
                return None;
            }
            line.push(byte);
            continue;
        }
        if rest.next_if_eq(&b'%').is_some() {
            line.push(b'%');
            continue;
        }
        let zeros = rest.next_if_eq(&b'0').is_some();
        let mut width = 0usize;
        while let Some(digit) = rest.next_if(u8::is_ascii_digit) {
            width = (10 * width + usize::from(digit - b'0')).min(LINE);
        }
        let mut wide = false;
        while rest.next_if_eq(&b'l').is_some() {
            wide = true;
        }
        let value = values.next()?;
        let signed = if wide {
            value.cast_signed()
        } else {
            i64::from(value as i32)
        };
        let unsigned = if wide { value } else { u64::from(value as u32) };
        let text = match rest.next()? {
            b'd' | b'i' => signed.to_string(),
            b'u' => unsigned.to_string(),
            b'x' => format!("{unsigned:x}"),
            b'X' => format!("{unsigned:X}"),
            b'c' => char::from(value as u8).to_string(),
            b's' => string_at(call, value),
            b'p' => {
                // `%pK`, `%px` and the like.
                while rest.next_if(u8::is_ascii_alphanumeric).is_some() {}
                format!("{value:016x}")
            }
            _ => return None,
        };
        for _ in text.len()..width {
            line.push(if zeros { b'0' } else { b' ' });
        }
        line.extend_from_slice(text.as_bytes());
        line.truncate(LINE);
    }
    Some(String::from_utf8_lossy(&line).into_owned())
}

/// A terminated string; what cannot be read is empty, as in the kernel.
fn string_at(call: &HelperCall<'_>, address: u64) -> String {
    let mut bytes = Vec::new();
    for place in 0..LINE as u64 {
        match call.memory.read(address.wrapping_add(place), 1) {
            Some(&[byte]) if byte != 0 => bytes.push(byte),
            _ => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
