//! Generated.
use super::{Context};
pub(super) const CONTEXTS: &[Context] = &[];
