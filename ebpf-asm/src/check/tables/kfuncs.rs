//! Functions of the kernel whose contract is the same on every kernel that has them. Calls of
//! others end a run in silence.

/// What a function takes and gives.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Contract {
    name: &'static str,
    /// How many registers it reads, from `r1` on.
    pub(in crate::check) arguments: u8,
    pub(in crate::check) gives: Gives,
}

/// What a function leaves in `r0`, and does with its argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::check) enum Gives {
    /// A number.
    Number,
    /// A reference, or null. It goes back by this function.
    Reference(&'static str),
    /// Nothing: the reference in `r1` is given back.
    Back,
}

const fn row(name: &'static str, arguments: u8, gives: Gives) -> Contract {
    Contract {
        name,
        arguments,
        gives,
    }
}

const CONTRACTS: &[Contract] = &[
    row("bpf_task_from_pid", 1, Gives::Reference("bpf_task_release")),
    row(
        "bpf_task_from_vpid",
        1,
        Gives::Reference("bpf_task_release"),
    ),
    row("bpf_task_release", 1, Gives::Back),
    row(
        "bpf_cgroup_from_id",
        1,
        Gives::Reference("bpf_cgroup_release"),
    ),
    row("bpf_cgroup_release", 1, Gives::Back),
    row(
        "bpf_cpumask_create",
        0,
        Gives::Reference("bpf_cpumask_release"),
    ),
    row("bpf_cpumask_release", 1, Gives::Back),
    row("bpf_get_task_exe_file", 1, Gives::Reference("bpf_put_file")),
    row("bpf_put_file", 1, Gives::Back),
    row("bpf_strcmp", 2, Gives::Number),
    row("bpf_strcasecmp", 2, Gives::Number),
    row("bpf_strchr", 2, Gives::Number),
    row("bpf_strchrnul", 2, Gives::Number),
    row("bpf_strnchr", 3, Gives::Number),
    row("bpf_strrchr", 2, Gives::Number),
    row("bpf_strlen", 1, Gives::Number),
    row("bpf_strnlen", 2, Gives::Number),
    row("bpf_strspn", 2, Gives::Number),
    row("bpf_strcspn", 2, Gives::Number),
    row("bpf_strstr", 2, Gives::Number),
    row("bpf_strnstr", 3, Gives::Number),
];

/// The contract of a function, if it is known.
pub(in crate::check) fn contract(name: &str) -> Option<&'static Contract> {
    CONTRACTS.iter().find(|contract| contract.name == name)
}
