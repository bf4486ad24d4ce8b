//! Content-defined chunking and the hash that names chunks.
//!
//! Everything here computes and nothing else: the same bytes with the same parameters give the same chunks and ids,
//! however the bytes arrive. It knows nothing of files, repositories or the wire.

mod chunker;
mod gear;
mod hash;
mod limits;
mod rabin;

pub use chunker::Chunker;
pub use gear::GearTable;
pub use hash::{Sha256, TOGETHER_BYTES, sha256, sha256_each, waits_for_more};
pub use limits::{Limits, LimitsError};
pub use rabin::{PolynomialError, RabinTables, is_irreducible, random_polynomial};
