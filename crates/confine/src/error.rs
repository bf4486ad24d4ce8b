//! Why a process could not be confined.

/// The system does not let a process give something up.
#[derive(Debug, thiserror::Error)]
#[error("this system cannot confine a process: {what} does not work here")]
pub struct ConfineError {
    what: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ConfineError {
    pub(crate) fn during<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: &'static str) -> impl Fn(E) -> Self {
        move |source| Self { what, source: source.into() }
    }
}
