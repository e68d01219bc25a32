//! What helpers call: the signatures of callbacks.

use super::{ArgumentKind, Helper};

/// What a helper calls the function with that it is given.
///
/// ```
/// use ebpf_asm::helpers;
///
/// let each = helpers::callback(helpers::by_name("bpf_for_each_map_elem").unwrap()).unwrap();
/// let names: Vec<&str> = each.parameters.iter().map(|parameter| parameter.name).collect();
/// assert_eq!((each.argument, names.len()), (1, 4));       // map, key, value, context
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Callback {
    /// Which of the helper's arguments the function is, from 0.
    pub argument: usize,
    /// What the function gets, in `r1` and following.
    pub parameters: &'static [CallbackParameter],
}

/// A parameter of a callback.
///
/// ```
/// use ebpf_asm::helpers;
///
/// let timer = helpers::callback(helpers::by_name("bpf_timer_set_callback").unwrap()).unwrap();
/// for parameter in timer.parameters {
///     println!("{}: {}", parameter.name, parameter.rust_type);
/// }
/// assert!(timer.parameters.iter().all(|parameter| parameter.is_pointer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallbackParameter {
    /// What it is called.
    pub name: &'static str,
    /// Whether it is a pointer; else it is a number.
    pub is_pointer: bool,
    /// How Rust would write its type.
    pub rust_type: &'static str,
}

const fn pointer(name: &'static str, rust_type: &'static str) -> CallbackParameter {
    CallbackParameter {
        name,
        is_pointer: true,
        rust_type,
    }
}

const CONTEXT: CallbackParameter = pointer("ctx", "*mut c_void");
const MAP: CallbackParameter = pointer("map", "*mut c_void");

/// The helpers that take a function, and its parameters.
const CALLBACKS: &[(&str, &[CallbackParameter])] = &[
    (
        "bpf_for_each_map_elem",
        &[
            MAP,
            pointer("key", "*const c_void"),
            pointer("value", "*mut c_void"),
            CONTEXT,
        ],
    ),
    (
        "bpf_timer_set_callback",
        &[
            MAP,
            pointer("key", "*mut c_void"),
            pointer("value", "*mut c_void"),
        ],
    ),
    (
        "bpf_find_vma",
        &[
            pointer("task", "*mut c_void"),
            pointer("vma", "*mut c_void"),
            CONTEXT,
        ],
    ),
    (
        "bpf_loop",
        &[
            CallbackParameter {
                name: "index",
                is_pointer: false,
                rust_type: "u64",
            },
            CONTEXT,
        ],
    ),
    (
        "bpf_user_ringbuf_drain",
        &[pointer("dynptr", "*const c_void"), CONTEXT],
    ),
];

/// What a helper calls the function with that it is given; `None` if it takes none.
///
/// ```
/// use ebpf_asm::helpers;
///
/// let helper = helpers::by_name("bpf_loop").unwrap();
/// let callback = helpers::callback(helper).unwrap();
/// assert_eq!(callback.argument, 1);
/// assert_eq!(callback.parameters[0].name, "index");
/// ```
#[must_use]
pub fn callback(helper: &Helper) -> Option<Callback> {
    let mut arguments = helper.args.iter();
    let argument = arguments.position(|argument| argument.kind == ArgumentKind::PtrToFunc)?;
    let (_, parameters) = CALLBACKS.iter().find(|(name, _)| *name == helper.name)?;
    Some(Callback {
        argument,
        parameters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helpers;

    #[test]
    fn every_helper_that_takes_a_function_is_known() {
        let takes = |helper: &&Helper| {
            helper
                .args
                .iter()
                .any(|a| a.kind == ArgumentKind::PtrToFunc)
        };
        for helper in helpers::ALL.iter().filter(takes) {
            assert!(callback(helper).is_some(), "{}", helper.name);
        }
        for (name, _) in CALLBACKS {
            assert!(
                helpers::by_name(name).is_some_and(|helper| takes(&helper)),
                "{name}"
            );
        }
    }
}
