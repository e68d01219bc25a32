//! The kernel helper functions.
