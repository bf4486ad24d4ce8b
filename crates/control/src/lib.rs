//! What a server does: when policies are due, which jobs run, and what becomes of them.
//!
//! What is decided is decided by functions of what is known and the time; what is done is kept in the database first.

pub mod dispatch;
pub mod run;
pub mod scheduler;
