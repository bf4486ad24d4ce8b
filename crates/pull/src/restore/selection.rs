//! Which nodes of a tree are restored. How that is decided is the matter of whoever asks for the restore.

/// Decides what of a tree is restored.
pub trait Selection: Sync {
    /// Whether this node is restored.
    fn selects(&self, path: &[u8], is_dir: bool) -> bool;

    /// Whether something beneath this directory may be restored.
    fn may_select_beneath(&self, path: &[u8]) -> bool;
}

/// Everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct All;

impl Selection for All {
    fn selects(&self, _path: &[u8], _is_dir: bool) -> bool {
        true
    }

    fn may_select_beneath(&self, _path: &[u8]) -> bool {
        true
    }
}
