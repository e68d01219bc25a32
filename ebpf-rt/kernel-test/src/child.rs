//! The test binary again, as somebody else.

use std::process::{Command, ExitCode};

const NAME: &str = "KERNEL_TEST_CHILD";
const UID: &str = "KERNEL_TEST_UID";
const CAPABILITIES: &str = "KERNEL_TEST_CAPABILITIES";

/// The test binary, started again to do one thing with other privileges.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Child {
    name: &'static str,
    uid: Option<u32>,
    capabilities: Option<u64>,
}

impl Child {
    /// The child of this name, with the privileges of this process.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            uid: None,
            capabilities: None,
        }
    }

    /// Becomes this user (and group).
    pub const fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// Keeps these capabilities only, as a set of bits.
    pub const fn capabilities(mut self, set: u64) -> Self {
        self.capabilities = Some(set);
        self
    }

    /// The command that starts it.
    ///
    /// # Panics
    /// If the binary cannot be found.
    #[must_use]
    pub fn command(self) -> Command {
        let binary = std::env::current_exe().expect("the test binary");
        let mut command = Command::new(binary);
        command.env(NAME, self.name);
        if let Some(uid) = self.uid {
            command.env(UID, uid.to_string());
        }
        if let Some(set) = self.capabilities {
            command.env(CAPABILITIES, set.to_string());
        }
        command
    }

    /// Runs it to its end; what it printed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn output(self) -> String {
        let output = self.command().output().expect("the child starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "the child {} failed:\n{text}{}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }
}

/// The child that this process is.
pub(crate) fn requested() -> Option<String> {
    std::env::var(NAME).ok()
}

pub(crate) fn run(name: &str, children: &[(&'static str, fn())]) -> ExitCode {
    let Some((_, run)) = children.iter().find(|(known, _)| *known == name) else {
        eprintln!("there is no child {name}");
        return ExitCode::FAILURE;
    };
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    if let Err(error) = drop_privileges(number(UID), number(CAPABILITIES)) {
        eprintln!("dropping privileges: {error}");
        return ExitCode::FAILURE;
    }
    run();
    ExitCode::SUCCESS
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn drop_privileges(uid: Option<u64>, capabilities: Option<u64>) -> std::io::Result<()> {
    let check = |result: i64| match result {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    };
    if let Some(uid) = uid {
        let uid = uid as libc::uid_t;
        // Capabilities survive the change of user only with this.
        if capabilities.is_some() {
            // SAFETY: takes numbers only.
            check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) }.into())?;
        }
        // SAFETY: takes numbers only.
        check(unsafe { libc::setresgid(uid, uid, uid) }.into())?;
        // SAFETY: takes numbers only.
        check(unsafe { libc::setresuid(uid, uid, uid) }.into())?;
    }
    if let Some(set) = capabilities {
        let header = Header {
            version: 0x2008_0522,
            pid: 0,
        };
        let data = [set as u32, (set >> 32) as u32].map(|word| Data {
            effective: word,
            permitted: word,
            inheritable: 0,
        });
        // SAFETY: version 3 takes a header and two data structs, which these are.
        check(unsafe { libc::syscall(libc::SYS_capset, &header, data.as_ptr()) } as i64)?;
    }
    Ok(())
}
