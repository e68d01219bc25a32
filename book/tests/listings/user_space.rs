//! Running without a kernel.

use crate::{as_readers, run};
use book_listings::assert_output;
use kernel_test::Suite;

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "user-space", &[], "first" "plugin" "fault" "text" "steps" "fibonacci");
    suite.test("user-space::kernels", &[], || {
        let printed = run("user-space", "kernels");
        let printed = String::from_utf8_lossy(&printed.stdout);
        let (fault, rest) = printed.split_once('\n').expect("two lines");
        let fault = as_readers("user-space", "kernels", fault);
        let printed = format!("{fault}\n{rest}");
        assert_output("user-space/kernels.out", &printed, str::to_owned);
    });
}
