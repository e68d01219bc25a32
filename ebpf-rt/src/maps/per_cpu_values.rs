//! The values of a per-CPU map's entry.

use crate::{Error, sys};
use bytemuck::Pod;
use core::ops::{Deref, DerefMut};

/// One value for each possible CPU, in the order of the CPUs' numbers.
///
/// Dereferences to a slice.
///
/// ```
/// use ebpf_rt::maps::{PerCpuArray, PerCpuValues, possible_cpus};
///
/// # kernel_test::example!();
/// let hits = PerCpuArray::<u64>::create(1)?;
/// hits.set(0, &PerCpuValues::filled_with(1)?)?;
/// let total: u64 = hits.get(0)?.iter().sum();
/// assert_eq!(total, possible_cpus()? as u64);
///
/// // A value for each CPU, or it is an error.
/// assert!(PerCpuValues::new(vec![1_u64; possible_cpus()? + 1]).is_err());
/// let values = PerCpuValues::new((0..total).collect())?;
/// assert_eq!(values.into_vec().len() as u64, total);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerCpuValues<V>(Vec<V>);

impl<V: Pod> PerCpuValues<V> {
    /// The same value for each possible CPU.
    ///
    /// # Errors
    /// If the number of CPUs cannot be read.
    pub fn filled_with(value: V) -> Result<Self, Error> {
        Ok(Self(vec![value; possible_cpus()?]))
    }

    /// These values; there must be one for each possible CPU.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if there are more or fewer.
    pub fn new(values: Vec<V>) -> Result<Self, Error> {
        let cpus = possible_cpus()?;
        if values.len() != cpus {
            return Err(Error::invalid(format!(
                "{} values for {cpus} possible CPUs",
                values.len()
            )));
        }
        Ok(Self(values))
    }

    /// The values.
    #[must_use]
    pub fn into_vec(self) -> Vec<V> {
        self.0
    }

    /// As the kernel gives them: each at a multiple of eight bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let values = bytes.chunks_exact(stride(size_of::<V>()));
        Self(
            values
                .map(|value| bytemuck::pod_read_unaligned(&value[..size_of::<V>()]))
                .collect(),
        )
    }

    /// As the kernel wants them.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let stride = stride(size_of::<V>());
        let mut bytes = vec![0; stride * self.0.len()];
        for (slot, value) in bytes.chunks_exact_mut(stride).zip(&self.0) {
            slot[..size_of::<V>()].copy_from_slice(bytemuck::bytes_of(value));
        }
        bytes
    }
}

impl<V> Deref for PerCpuValues<V> {
    type Target = [V];

    fn deref(&self) -> &[V] {
        &self.0
    }
}

impl<V> DerefMut for PerCpuValues<V> {
    fn deref_mut(&mut self) -> &mut [V] {
        &mut self.0
    }
}

impl<V> IntoIterator for PerCpuValues<V> {
    type Item = V;
    type IntoIter = std::vec::IntoIter<V>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The bytes from one CPU's value to the next one's.
pub(super) const fn stride(size: usize) -> usize {
    size.saturating_add(7) & !7
}

/// How many CPUs this machine can have while it runs; per-CPU maps hold a value for each.
///
/// ```
/// use ebpf_rt::maps::possible_cpus;
///
/// // Threads that run now use fewer, if some CPUs are switched off.
/// assert!(possible_cpus()? >= std::thread::available_parallelism()?.get());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If `/sys/devices/system/cpu/possible` cannot be read.
pub fn possible_cpus() -> Result<usize, Error> {
    const PATH: &str = "/sys/devices/system/cpu/possible";
    // The number cannot change while the machine runs. Tests change the machine.
    #[cfg(not(test))]
    static COUNT: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    #[cfg(not(test))]
    if let Some(count) = COUNT.get() {
        return Ok(*count);
    }
    let text = sys::fs::read_file(PATH)
        .map_err(|errno| Error::failed(format!("reading {PATH}"), errno))?;
    let count = count(text.trim())
        .ok_or_else(|| Error::invalid(format!("{PATH} says `{}`", text.trim())))?;
    #[cfg(not(test))]
    let count = *COUNT.get_or_init(|| count);
    Ok(count)
}

/// The number of CPUs in a list like `0-3,8`.
fn count(list: &str) -> Option<usize> {
    ranges(list).try_fold(0usize, |sum, range| {
        let (first, last) = range?;
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// First and last of each range of a list; `None` for what is no range.
fn ranges(list: &str) -> impl Iterator<Item = Option<(usize, usize)>> {
    list.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some((first.parse().ok()?, last.parse().ok()?))
    })
}

/// The CPUs that are in use now.
pub(super) fn online_cpus() -> Result<Vec<u32>, Error> {
    const PATH: &str = "/sys/devices/system/cpu/online";
    let text = sys::fs::read_file(PATH)
        .map_err(|errno| Error::failed(format!("reading {PATH}"), errno))?;
    let invalid = || Error::invalid(format!("{PATH} says `{}`", text.trim()));
    let mut cpus = Vec::new();
    for range in ranges(text.trim()) {
        let (first, last) = range.ok_or_else(invalid)?;
        // No kernel is built for more.
        if last > 1 << 16 {
            return Err(invalid());
        }
        cpus.extend((first..=last).map(|cpu| cpu as u32));
    }
    Ok(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::script::{Script, run};

    #[test]
    fn cpu_lists() {
        assert_eq!(count("0"), Some(1));
        assert_eq!(count("0-1"), Some(2));
        assert_eq!(count("0-3,8,10-11"), Some(7));
        for bad in ["", "0-", "3-1", "a", "0-18446744073709551615"] {
            assert_eq!(count(bad), None, "{bad}");
        }
    }

    #[test]
    fn values_lie_at_multiples_of_eight() {
        let (values, _) = run(Script::new(), || {
            PerCpuValues::new(vec![[1u8, 2, 3], [4, 5, 6]])
        });
        let values = values.unwrap();
        let bytes = values.to_bytes();
        assert_eq!(bytes, [1, 2, 3, 0, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0]);
        assert_eq!(PerCpuValues::from_bytes(&bytes), values);
    }

    #[test]
    fn too_few_values_are_refused() {
        let (values, _) = run(Script::new(), || PerCpuValues::new(vec![1u64]));
        assert_eq!(
            values.unwrap_err().to_string(),
            "1 values for 2 possible CPUs"
        );
    }
}
