//! The whole log: reasons and instructions of all kernels.
