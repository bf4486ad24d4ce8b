//! What `check` promises, as tests.
