//! What a register holds, in words.

use super::Value;

/// Bounds that say something: those beyond are what is left of "any number" after arithmetic.
const BOUNDS: core::ops::Range<i64> = 0..1 << 48;

impl Value<'_> {
    /// What it is, in words that follow "r0 is": `a map value or null`, `a number from 0 to
    /// 64`. `None` of kinds that have no name here.
    ///
    /// ```
    /// use ebpf_rt::verifier_log::Value;
    ///
    /// let length = Value::new("scalar(smin=0,smax=umax=64,var_off=(0x0; 0x7f))");
    /// assert_eq!(length.in_words().as_deref(), Some("a number from 0 to 64"));
    /// ```
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        let kind = self.kind();
        if let Some(kind) = kind.strip_suffix("_or_null") {
            return Some(format!("{} or null", kind_in_words(kind)?));
        }
        let words = kind_in_words(kind)?;
        let field = |name| self.number(name);
        Some(match kind {
            "scalar" => self.number_in_words(),
            "fp" => match self.stack_offset() {
                Some(offset @ ..0) => format!(
                    "a pointer into the stack, {} bytes below its top",
                    offset.unsigned_abs()
                ),
                Some(0) => "the top of the stack".to_owned(),
                _ => words,
            },
            "ctx" => match field("imm").or(field("off")) {
                Some(offset) if offset != 0 => format!("the context moved by {offset} bytes"),
                _ => "the context".to_owned(),
            },
            "map_ptr" | "map_value" | "map_key" => {
                let mut words = match (kind, self.field("map")) {
                    ("map_ptr", Some(map)) => format!("the map `{map}`"),
                    (_, Some(map)) => format!("{words} of `{map}`"),
                    (_, None) => words,
                };
                if kind == "map_value" {
                    if let Some(size) = field("vs") {
                        words += &format!(" ({size} bytes)");
                    }
                    words += &self.offset_in_words();
                }
                words
            }
            "pkt" | "pkt_meta" | "" => {
                let known = match field("r") {
                    Some(0) => " with no checked bytes".to_owned(),
                    Some(range) => format!(" with {range} checked bytes"),
                    None => String::new(),
                };
                words + &known + &self.offset_in_words()
            }
            "mem" | "ringbuf_mem" | "alloc_mem" => {
                let size = field("mem_size").or(field("sz"));
                let size = size.map(|size| format!(" ({size} bytes)"));
                format!("{words}{}", size.unwrap_or_default()) + &self.offset_in_words()
            }
            _ => words,
        })
    }

    fn number_in_words(&self) -> String {
        if let Some(number) = self.constant() {
            return format!("the number {number}");
        }
        // The bits of a bound above `i64::MAX` are those of a negative number: no bound.
        let bound = |name| self.number(name).filter(|bound| BOUNDS.contains(bound));
        if let Some(high) = bound("umax") {
            return format!("a number from {} to {high}", bound("umin").unwrap_or(0));
        }
        match (self.number("smin"), self.number("smax")) {
            (Some(low), Some(high)) if high < BOUNDS.end => {
                format!("a number from {low} to {high}")
            }
            (None, Some(high)) if (-BOUNDS.end..BOUNDS.end).contains(&high) => {
                format!("a number up to {high}, or a negative one")
            }
            (low, _) => match bound("umin").or(low) {
                Some(low @ 0..) => format!("a number from {low} up"),
                _ => "a number that can be anything".to_owned(),
            },
        }
    }

    /// Where in its object a pointer is.
    fn offset_in_words(&self) -> String {
        let fixed = self.number("off").unwrap_or(0) + self.number("imm").unwrap_or(0);
        if let Some(high) = self.number("umax").or(self.number("smax")) {
            let low = self.number("umin").or(self.number("smin")).unwrap_or(0);
            return match usize::try_from(high) {
                Ok(_) if high < BOUNDS.end => format!(
                    ", at offset {} to {}",
                    low.saturating_add(fixed),
                    high.saturating_add(fixed)
                ),
                _ => ", at an offset without a bound".to_owned(),
            };
        }
        match fixed {
            0 if self.field("var_off").is_some() => ", at an offset without a bound".to_owned(),
            0 => String::new(),
            fixed => format!(", at offset {fixed}"),
        }
    }
}

/// The name of a kind, with its article.
pub(super) fn kind_in_words(kind: &str) -> Option<String> {
    let words = match kind {
        "scalar" | "inv" => "a number",
        "ctx" => "the context",
        "fp" => "a pointer into the stack",
        "map_ptr" => "a map",
        "map_value" => "a map value",
        "map_key" => "a map key",
        // Empty in the kernel's reason, which has the fields only.
        "pkt" | "" => "a pointer into the packet",
        "pkt_meta" => "a pointer to the packet's metadata",
        "pkt_end" => "the end of the packet",
        "flow_keys" => "the flow keys",
        "sock" => "a socket",
        "sock_common" => "a socket of any family",
        "tcp_sock" => "a TCP socket",
        "xdp_sock" => "an XDP socket",
        "mem" | "alloc_mem" => "memory",
        "rdonly_mem" => "memory that is read only",
        "ringbuf_mem" => "a record of a ring buffer",
        "buf" | "rdwr_buf" => "a buffer",
        "rdonly_buf" => "a buffer that is read only",
        "func" => "a function",
        "arena" => "a pointer into an arena",
        "tp_buffer" => "the trace point's writable buffer",
        _ => return kernel_object(kind),
    };
    Some(words.to_owned())
}

/// `ptr_task_struct`, `trusted_ptr_file`, `rcu_ptr_`, `untrusted_ptr_sock`.
fn kernel_object(kind: &str) -> Option<String> {
    let (qualifier, name) = match kind.strip_prefix("ptr_") {
        Some(name) => ("", name),
        None => kind.split_once("ptr_")?,
    };
    let (name, null) = match name.strip_prefix("or_null_") {
        Some(name) => (name, " or null"),
        None => (name, ""),
    };
    let object = match name {
        "" => "a kernel object".to_owned(),
        name => format!("the kernel's `{name}`"),
    };
    let more = match qualifier {
        "" | "trusted_" | "rcu_" => "",
        "untrusted_" => " that may be stale",
        "percpu_" => " of each CPU",
        _ => return None,
    };
    Some(format!("a pointer to {object}{more}{null}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_all_kernels() {
        for (value, words) in [
            ("inv(id=0)", "a number that can be anything"),
            ("scalar()", "a number that can be anything"),
            ("inv7", "the number 7"),
            ("P-1", "the number -1"),
            ("scalar(smin=umin=2,smax=umax=65)", "a number from 2 to 65"),
            (
                "inv(id=0,umin_value=1,umax_value=9223372036854775807)",
                "a number from 1 up",
            ),
            ("scalar(smax=40)", "a number up to 40, or a negative one"),
            ("scalar(smin=-4,smax=3)", "a number from -4 to 3"),
            (
                "scalar(umax=0xffffffff,var_off=(0x0; 0xffffffff))",
                "a number from 0 to 4294967295",
            ),
            ("ctx(id=0,off=0,imm=0)", "the context"),
            ("ctx(imm=68)", "the context moved by 68 bytes"),
            ("fp0", "the top of the stack"),
            ("fp-64", "a pointer into the stack, 64 bytes below its top"),
            ("map_ptr(map=m,ks=4,vs=4)", "the map `m`"),
            (
                "map_value_or_null(id=2,map=m,ks=4,vs=4)",
                "a map value or null",
            ),
            (
                "map_value(map=m,ks=4,vs=8,off=4)",
                "a map value of `m` (8 bytes), at offset 4",
            ),
            (
                "map_value(map=m,ks=4,vs=8,smin=0,smax=umax=255,var_off=(0x0; 0xff))",
                "a map value of `m` (8 bytes), at offset 0 to 255",
            ),
            (
                "map_value(id=0,off=0,ks=4,vs=8,umin_value=1,umax_value=9223372036854775807)",
                "a map value (8 bytes), at an offset without a bound",
            ),
            (
                "pkt(r=14)",
                "a pointer into the packet with 14 checked bytes",
            ),
            ("sock_or_null(id=2)", "a socket or null"),
            (
                "ptr_task_struct()",
                "a pointer to the kernel's `task_struct`",
            ),
            (
                "trusted_ptr_or_null_file(id=1)",
                "a pointer to the kernel's `file` or null",
            ),
        ] {
            let found = Value::new(value).in_words();
            assert_eq!(found.as_deref(), Some(words), "{value}");
        }
        assert_eq!(Value::new("mmmmmmmm").in_words(), None);
    }
}
