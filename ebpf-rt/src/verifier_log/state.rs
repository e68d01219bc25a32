//! What registers hold: `R1=ctx(id=0,off=0,imm=0) R2_w=inv5 fp-8=mmmmmmmm`.

/// What a register or a slot of the stack holds, as the log says.
///
/// ```
/// use ebpf_rt::verifier_log::registers;
///
/// let mut states = registers("R0=map_value(map=m,ks=4,vs=8) R10=fp0");
/// let state = states.next().unwrap();
/// assert_eq!((state.frame, state.value.kind()), (0, "map_value"));
/// assert_eq!(state.value.number("vs"), Some(8));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegisterState<'a> {
    /// The function's depth in calls: 0 is the program itself.
    pub frame: u32,
    /// Whose state it is.
    pub place: StatePlace,
    /// What it is.
    pub value: Value<'a>,
}

/// Whose state a [`RegisterState`] is.
///
/// ```
/// use ebpf_rt::verifier_log::{StatePlace, registers};
///
/// let written: Vec<u32> = registers("R1=ctx() fp-8=mmmmmmmm fp-16=0")
///     .filter_map(|state| match state.place {
///         StatePlace::Stack(below) => Some(below),
///         _ => None,
///     })
///     .collect();
/// assert_eq!(written, [8, 16]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StatePlace {
    /// A register, by its number.
    Register(u8),
    /// Eight bytes of the stack, by their distance below its top.
    Stack(u32),
}

/// What the verifier knows of a value: `map_value(map=m,ks=4,vs=8)`, `scalar(umax=64)`, `5`.
///
/// ```
/// use ebpf_rt::verifier_log::Value;
///
/// let value = Value::new("scalar(umax=64)");
/// assert_eq!((value.kind(), value.field("umax")), ("scalar", Some("64")));
/// assert_eq!(value.constant(), None);             // not one number
/// assert_eq!(Value::new("P5").constant(), Some(5));
/// assert_eq!(Value::new("fp-8").stack_offset(), Some(-8));
/// assert_eq!(value.as_str(), "scalar(umax=64)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    text: &'a str,
}

/// Reads a list of states: the part of a line behind the instruction's number.
///
/// ```
/// use ebpf_rt::verifier_log::{StatePlace, registers};
///
/// let states: Vec<_> = registers("frame1: R1_w=ctx(id=0,off=0,imm=0) fp-8=mmmmmmmm").collect();
/// assert_eq!(states[0].frame, 1);
/// assert_eq!(states[0].place, StatePlace::Register(1));
/// assert_eq!(states[0].value.kind(), "ctx");
/// assert_eq!(states[1].place, StatePlace::Stack(8));
/// ```
pub fn registers(text: &str) -> impl Iterator<Item = RegisterState<'_>> {
    let mut frame = 0;
    words(text).filter_map(move |word| {
        if let Some(number) = word
            .strip_prefix("frame")
            .and_then(|rest| rest.strip_suffix(':'))
        {
            frame = number.parse().unwrap_or(frame);
            return None;
        }
        let (name, value) = word.split_once('=')?;
        // `R1_w`, `R1_r`, `fp-8_w`: how it was used, up to 6.15.
        let name = name.split('_').next().unwrap_or_default();
        let place = if let Some(number) = name.strip_prefix('R') {
            StatePlace::Register(number.parse().ok()?)
        } else {
            StatePlace::Stack(name.strip_prefix("fp-")?.parse().ok()?)
        };
        Some(RegisterState {
            frame,
            place,
            value: Value { text: value },
        })
    })
}

/// The words of a text; what stands in brackets is one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    split(text, |c| c.is_whitespace()).filter(|word| !word.is_empty())
}

/// Splits outside of brackets.
fn split(text: &str, is_separator: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let mut depth = 0usize;
        let end = text.char_indices().find_map(|(at, c)| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ if depth == 0 && is_separator(c) => return Some((at, c.len_utf8())),
                _ => {}
            }
            None
        });
        let Some((at, length)) = end else {
            rest = None;
            return Some(text);
        };
        rest = text.get(at + length..);
        text.get(..at)
    })
}

impl<'a> Value<'a> {
    /// The value in this spelling of the log.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// As the log spells it.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The kind: `ctx`, `map_value_or_null`, `fp`; `scalar` for every number, which is `inv`
    /// before Linux 5.18.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        if self.constant().is_some() {
            return "scalar";
        }
        let name = self.text.split('(').next().unwrap_or_default();
        // `invP`, `scalarP`, `Pscalar`: numbers that have to be known precisely.
        match name.strip_suffix('P').unwrap_or(name) {
            "inv" | "Pscalar" => "scalar",
            // `fp-8`: a pointer into the stack; `fp0,call_-1` is its top on 4.x.
            name if name.starts_with("fp") => "fp",
            name => name,
        }
    }

    /// The number, if it is one and known: `5`, `P5`, `inv5`, `0x10`.
    #[must_use]
    pub fn constant(&self) -> Option<i64> {
        let text = self.text;
        let text = text.strip_prefix("inv").unwrap_or(text);
        let text = text.strip_prefix('P').unwrap_or(text);
        number(text)
    }

    /// What stands behind the name of a field, in brackets: `vs`, `off`, `umax`, `var_off`.
    /// Older kernels' `umax_value` is `umax`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a str> {
        let (_, fields) = self.text.split_once('(')?;
        let fields = fields.strip_suffix(')').unwrap_or(fields);
        split(fields, |c| c == ',').find_map(|field| {
            // `smin=smin32=0`: both are.
            let (names, value) = field.rsplit_once('=')?;
            let mut names = names.split('=');
            names
                .any(|known| known.strip_suffix("_value").unwrap_or(known) == name)
                .then_some(value)
        })
    }

    /// A field that is a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.field(name).and_then(number)
    }

    /// Of a pointer into the stack, its distance from the top: -8 of `fp-8`.
    #[must_use]
    pub fn stack_offset(&self) -> Option<i64> {
        let offset = self.text.strip_prefix("fp")?;
        number(offset.split(['(', ',']).next().unwrap_or_default())
    }
}

/// A number in decimal or hexadecimal; above `i64::MAX` it is the same bits.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => digits.parse::<u64>().ok()?,
    };
    let number = number.cast_signed();
    Some(if negative {
        number.wrapping_neg()
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_all_kernels() {
        for (text, kind, constant) in [
            ("inv5", "scalar", Some(5)),
            ("invP0", "scalar", Some(0)),
            ("P5", "scalar", Some(5)),
            ("-1", "scalar", Some(-1)),
            ("0xffffffffffffffff", "scalar", Some(-1)),
            ("inv(id=0,umax_value=9)", "scalar", None),
            ("invP(id=0)", "scalar", None),
            ("scalar()", "scalar", None),
            ("Pscalar(umax=3)", "scalar", None),
            ("fp0", "fp", None),
            ("fp-64", "fp", None),
            ("ctx(id=0,off=0,imm=0)", "ctx", None),
            ("map_value_or_null(id=2,map=m)", "map_value_or_null", None),
            ("mmmmmmmm", "mmmmmmmm", None),
        ] {
            let value = Value::new(text);
            assert_eq!((value.kind(), value.constant()), (kind, constant), "{text}");
        }
        assert_eq!(Value::new("fp-64").stack_offset(), Some(-64));
        assert_eq!(Value::new("fp0").stack_offset(), Some(0));
        assert_eq!(Value::new("5").stack_offset(), None);
    }

    #[test]
    fn fields() {
        let value =
            Value::new("scalar(id=1+1,smin=umin=smin32=umin32=2,smax=umax=65,var_off=(0x0; 0x7f))");
        assert_eq!(value.number("umin"), Some(2));
        assert_eq!(value.number("smax"), Some(65));
        assert_eq!(value.field("var_off"), Some("(0x0; 0x7f)"));
        assert_eq!(value.field("nothing"), None);
        let old = Value::new("inv(id=0,umin_value=2,var_off=(0x2; 0x7ffffffffffffffc))");
        assert_eq!(old.number("umin"), Some(2));
    }

    #[test]
    fn a_list_of_states() {
        let text = "frame1: R1_w=inv(id=0,var_off=(0x2; 0xfc)) R10=fp0 fp-16_w=??mm refs=2 cb";
        let states: Vec<_> = registers(text).collect();
        assert_eq!(states.len(), 3);
        assert!(states.iter().all(|state| state.frame == 1));
        assert_eq!(states[0].value.field("var_off"), Some("(0x2; 0xfc)"));
        assert_eq!(states[2].place, StatePlace::Stack(16));
        assert_eq!(registers("safe").count(), 0);
    }
}
