//! The listing.
