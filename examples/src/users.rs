//! Names of users.

use std::collections::HashMap;
use std::fs;

/// The users of `/etc/passwd`. Those of a directory service are not in it.
#[derive(Clone, Debug, Default)]
pub struct Users(HashMap<u32, String>);

impl Users {
    /// Reads `/etc/passwd`; without the file nobody has a name.
    #[must_use]
    pub fn read() -> Self {
        let file = fs::read("/etc/passwd").unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&file))
    }

    fn parse(file: &str) -> Self {
        let user = |line: &str| {
            let mut fields = line.split(':');
            // name:password:uid:…
            let (name, uid) = (fields.next()?, fields.nth(1)?);
            Some((uid.parse().ok()?, name.to_owned()))
        };
        // From the end, so that of two names for one user the first stays, as getpwuid(3) has it.
        Self(file.lines().rev().filter_map(user).collect())
    }

    /// The user's name; `-` if there is none.
    #[must_use]
    pub fn name(&self, uid: u32) -> &str {
        self.0.get(&uid).map_or("-", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let users = Users::parse("root:x:0:0::/:/bin/sh\ntoor:x:0:0\n\nbad\nme:x:1000:1000\n");
        assert_eq!(users.name(0), "root");
        assert_eq!(users.name(1000), "me");
        assert_eq!(users.name(7), "-");
    }
}
