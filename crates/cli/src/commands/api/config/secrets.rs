//! Which secrets a configuration needs that nobody has handed over to the server.
//!
//! Only those that the server seals can be known of from here: a variable or a file is known to the server's machine alone.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_model::repository::RepositorySpec;
use holdfast_model::{Name, SecretSource};

use super::document::Entry;

/// A secret that is not there.
pub struct Missing {
    pub name: String,
    /// Who names it.
    pub repositories: BTreeSet<Name>,
}

/// Those that repositories name and that are not among the secrets which are there.
pub fn missing(repositories: &[Entry<RepositorySpec>], there: &[String]) -> Vec<Missing> {
    let mut found: BTreeMap<&String, BTreeSet<Name>> = BTreeMap::new();
    for entry in repositories {
        for source in std::iter::once(&entry.spec.password).chain(entry.spec.credentials.values()) {
            if let SecretSource::Sealed(name) = source
                && !there.contains(name)
            {
                found.entry(name).or_default().insert(entry.spec.name.clone());
            }
        }
    }
    found.into_iter().map(|(name, repositories)| Missing { name: name.clone(), repositories }).collect()
}

impl Missing {
    /// `! secret main is not there, which the repository main needs: …`
    pub fn line(&self) -> String {
        format!(
            "! secret {0} is not there, which {1} needs: `holdfast secret set {0}` hands it over",
            self.name,
            self.who()
        )
    }

    /// What is to be done when all else is.
    pub fn remedy(&self) -> String {
        let first = self.repositories.first().map_or("NAME", Name::as_str);
        format!(
            "the secret {0} is still missing, so {1} does not open: `holdfast secret set {0}`, then `holdfast repository prepare \
             {first}`",
            self.name,
            self.who()
        )
    }

    fn who(&self) -> String {
        let names: Vec<_> = self.repositories.iter().map(Name::as_str).collect();
        format!("{} {}", if names.len() == 1 { "the repository" } else { "each of the repositories" }, names.join(", "))
    }
}
