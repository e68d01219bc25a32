//! Placeholder for the crate under construction.
