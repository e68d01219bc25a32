//! Values of load-time constants.

use core::fmt;

/// The value of a load-time constant (`const PORT: u16;`) before the object is loaded.
///
/// A constant that has none then is an error that names it.
///
/// ```
/// use ebpf_rt::load::Constant;
///
/// let mut port = Constant::<u16>::default();
/// port.set(443);
/// assert_eq!(port.get(), Some(443));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant<T> {
    value: Option<T>,
}

impl<T> Default for Constant<T> {
    fn default() -> Self {
        Self { value: None }
    }
}

impl<T: Copy> Constant<T> {
    /// Gives the constant its value.
    pub fn set(&mut self, value: T) -> &mut Self {
        self.value = Some(value);
        self
    }

    /// The value, if it has one.
    #[must_use]
    pub fn get(&self) -> Option<T> {
        self.value
    }
}

/// The value of a load-time constant of any integer type.
///
/// ```
/// use ebpf_rt::load::ConstantValue;
///
/// assert_eq!(ConstantValue::from(443u16).to_string(), "443");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConstantValue(pub(super) i128);

impl fmt::Display for ConstantValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! constants {
    ($($int:ty)*) => { $(
        impl From<$int> for ConstantValue {
            fn from(value: $int) -> Self {
                Self(i128::from(value))
            }
        }

        impl From<Constant<$int>> for Option<ConstantValue> {
            fn from(constant: Constant<$int>) -> Self {
                constant.value.map(ConstantValue::from)
            }
        }
    )* };
}

constants!(u8 u16 u32 u64 i8 i16 i32 i64);
