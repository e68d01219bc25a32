//! What the reference and the page for those who come from elsewhere show.

use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    listings!(suite, "listing-format", &[], "object" "detailed");
    listings!(suite, "coming-from", &[], "raw");
    listings!(suite, "coming-from", &[Need::Root], "main");
}
