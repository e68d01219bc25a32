//! A table of counts by user.

use crate::{Exit, Users};
use std::io::Write;

/// The users with the highest counts first; `counted` is the title of the last column.
///
/// # Errors
/// What writing says.
pub fn print_user_table(
    out: &mut impl Write,
    counted: &str,
    mut rows: Vec<(u32, u64)>,
    users: &Users,
) -> Result<(), Exit> {
    rows.sort_by_key(|&(uid, count)| (std::cmp::Reverse(count), uid));
    writeln!(out, "\n{:>10}  {:<16} {counted:>10}", "UID", "USER")?;
    for (uid, count) in rows {
        writeln!(out, "{uid:>10}  {:<16} {count:>10}", users.name(uid))?;
    }
    Ok(())
}
