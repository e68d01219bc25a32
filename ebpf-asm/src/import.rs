//! Import of listings.
