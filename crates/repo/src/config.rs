//! The config: which version of the format a repository has, its id, and how its files are cut.
//!
//! Our own choice of chunker stands in a field of ours, because the values of rustic's `chunker` are closed; restic and
//! rustic pass over it and would cut with the polynomial, which is valid as well. The file is encrypted, never compressed.

use holdfast_chunker::{is_irreducible, random_polynomial};
use holdfast_model::{Id, RepositoryId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::crypto::fill_random;

/// The versions of the format that we read.
pub(crate) const VERSIONS: std::ops::RangeInclusive<u32> = 1..=2;

/// How new files are cut into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunking {
    /// Gear hash with a table derived from a seed.
    Gear {
        /// Derived from the master key.
        seed: [u8; 32],
    },
    /// Rabin fingerprints, as restic.
    Rabin {
        /// Irreducible, of degree 53.
        polynomial: u64,
    },
}

/// Which chunker a new repository gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChunkerKind {
    /// Fast, and no storage provider can tell what files it cut.
    #[default]
    Gear,
    /// restic's, for repositories that restic or rustic will write to as well.
    Rabin,
}

/// What a repository says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Version of the format.
    pub version: u32,
    /// Random.
    pub id: RepositoryId,
    /// Hexadecimal digits.
    chunker_polynomial: String,
    /// rustic's mark of the hot part of a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_hot: Option<bool>,
    /// rustic's mark of a repository that nothing may be removed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    append_only: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holdfast: Option<Ours>,
    /// What other programs say in it, and read again: rustic from the hot part, which we may have filled.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ours {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chunker: Option<String>,
}

impl Config {
    /// The config of a new repository.
    pub(crate) fn new(chunker: ChunkerKind) -> Self {
        let (mut id, mut random) = ([0; Id::LEN], [0; 32]);
        fill_random(&mut id);
        fill_random(&mut random);
        Self {
            version: 2,
            id: RepositoryId::new(id),
            chunker_polynomial: format!("{:x}", random_polynomial(&random)),
            is_hot: None,
            append_only: None,
            holdfast: match chunker {
                ChunkerKind::Gear => Some(Ours { chunker: Some("gear".to_owned()) }),
                ChunkerKind::Rabin => None,
            },
            others: Map::new(),
        }
    }

    /// The polynomial; `None` if it is none that a chunker can work with.
    pub(crate) fn polynomial(&self) -> Option<u64> {
        u64::from_str_radix(&self.chunker_polynomial, 16).ok().filter(|&polynomial| is_irreducible(polynomial))
    }

    /// Our chunker; `Err` with its name if a later version of Holdfast chose one that we don't know.
    pub(crate) fn chunker(&self) -> Result<ChunkerKind, &str> {
        match self.holdfast.as_ref().and_then(|ours| ours.chunker.as_deref()) {
            None | Some("rabin") => Ok(ChunkerKind::Rabin),
            Some("gear") => Ok(ChunkerKind::Gear),
            Some(other) => Err(other),
        }
    }

    /// As it stands in the hot part of a repository, or in the main one.
    pub(crate) fn of_part(&self, is_hot: bool) -> Self {
        Self { is_hot: is_hot.then_some(true), ..self.clone() }
    }

    /// Whether it is that of the hot part of a repository.
    pub fn is_hot(&self) -> bool {
        self.is_hot == Some(true)
    }

    /// Whether rustic marked it as one that nothing may be removed from.
    pub fn is_append_only(&self) -> bool {
        self.append_only == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_config_is_one_that_restic_can_use() {
        for chunker in [ChunkerKind::Gear, ChunkerKind::Rabin] {
            let config = Config::new(chunker);
            assert_eq!((config.version, config.chunker()), (2, Ok(chunker)));
            assert!(config.polynomial().is_some());
            let document = serde_json::to_string(&config).unwrap();
            assert!(document.starts_with(r#"{"version":2,"id":""#), "{document}");
            assert_eq!(serde_json::from_str::<Config>(&document).unwrap(), config);
        }
    }

    #[test]
    fn configs_of_others_have_rabin_and_may_have_fields_that_we_do_not_know() {
        let id = "5956a3f67a6230d4a92cefb29529f10196c7d92582ec305fd71ff6d331d6271b";
        let document = format!(r#"{{"version":2,"id":"{id}","chunker_polynomial":"25b468838dcb75","compression":3}}"#);
        let config: Config = serde_json::from_str(&document).unwrap();
        assert_eq!(config.chunker(), Ok(ChunkerKind::Rabin));
        assert_eq!(config.polynomial(), Some(0x25_b468_838d_cb75));
        let of_hot = serde_json::to_string(&config.of_part(true)).unwrap();
        assert_eq!(of_hot, document.replace(r#","compression""#, r#","is_hot":true,"compression""#));
        assert_eq!(config.of_part(true).of_part(false), config);
        let document = document.replace("25b468838dcb75", "25b468838dcb76");
        assert_eq!(serde_json::from_str::<Config>(&document).unwrap().polynomial(), None);
    }
}
