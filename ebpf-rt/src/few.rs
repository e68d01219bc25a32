//! A map for few keys: a list. The standard library's maps are quicker with many keys, and a lot
//! of code, which is compiled anew for each of their types in every clean build of a user.

#[derive(Clone, Debug)]
pub(crate) struct FewMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for FewMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V> FewMap<K, V> {
    fn position(&self, key: &K) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.position(key).map(|at| &self.0[at].1)
    }

    /// Replaces what the key had.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.position(&key) {
            Some(at) => self.0[at].1 = value,
            None => self.0.push((key, value)),
        }
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(at) = self.position(key) {
            self.0.swap_remove(at);
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_value() {
        let mut map = FewMap::default();
        for key in [3, 1, 2, 1] {
            map.insert(key, format!("{key}"));
        }
        map.insert(1, "one".to_owned());
        assert_eq!(map.get(&1).map(String::as_str), Some("one"));
        map.remove(&1);
        map.remove(&7);
        assert_eq!(map.get(&1), None);
        map.retain(|&key| key > 2);
        assert_eq!((map.get(&2), map.get(&3).is_some()), (None, true));
    }
}
