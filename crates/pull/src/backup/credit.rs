//! How much a client may send: what it was given and has not used.

use holdfast_wire::ViolationClass;

use crate::Violation;

/// Credit is given back in pieces of so many bytes.
const STEP: u64 = 1 << 20;

/// The credit of one session; without a limit, everything goes.
#[derive(Debug)]
pub(crate) struct Credit {
    left: Option<u64>,
    used: u64,
}

impl Credit {
    /// What the job says.
    pub(crate) fn new(granted: Option<u64>) -> Self {
        Self { left: granted, used: 0 }
    }

    /// Notes bytes that came; gives how much the client is to be granted anew, when that is worth a message.
    pub(crate) fn spend(&mut self, bytes: u64) -> Result<Option<u64>, Violation> {
        let Some(left) = &mut self.left else { return Ok(None) };
        let overspent = || Violation::new(ViolationClass::Quota, "more bytes than there was credit for");
        *left = left.checked_sub(bytes).ok_or_else(overspent)?;
        self.used += bytes;
        if self.used < STEP {
            return Ok(None);
        }
        *left += self.used;
        Ok(Some(std::mem::take(&mut self.used)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_given_back_in_steps_and_never_overspent() {
        let mut credit = Credit::new(Some(2 * STEP));
        assert_eq!(credit.spend(STEP - 1), Ok(None));
        assert_eq!(credit.spend(1), Ok(Some(STEP)));
        assert_eq!(credit.spend(2 * STEP), Ok(Some(2 * STEP)));
        assert_eq!(credit.spend(2 * STEP + 1).unwrap_err().class, ViolationClass::Quota);
        assert_eq!(Credit::new(None).spend(u64::MAX), Ok(None));
    }
}
