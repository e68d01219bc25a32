//! What the kernel has answered before.

use super::Question;
use crate::Error;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Answers by question. Errors are not kept: the next time may be better.
#[derive(Default)]
pub(super) struct Answers(Mutex<HashMap<Question, bool>>);

/// Those of this process. Unit tests script the kernel, and each asks anew.
static OF_PROCESS: LazyLock<Answers> = LazyLock::new(Answers::default);

/// The answer to a question, asked once in the life of the process.
pub(super) fn once(
    question: Question,
    ask: impl FnOnce() -> Result<bool, Error>,
) -> Result<bool, Error> {
    if cfg!(test) {
        return ask();
    }
    OF_PROCESS.once(question, ask)
}

impl Answers {
    /// No lock is held while the kernel is asked: two threads may both ask, and they get the
    /// same answer.
    pub(super) fn once(
        &self,
        question: Question,
        ask: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let known = self.lock().get(&question).copied();
        if let Some(answer) = known {
            return Ok(answer);
        }
        let answer = ask()?;
        self.lock().insert(question, answer);
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Question, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
