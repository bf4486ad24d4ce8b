//! Secrets that the server seals. They go there and never come back.

use ureq::http::Method;
use zeroize::Zeroize;

use super::transport::Call;
use super::{ApiClient, ApiError};
use crate::{NewSecret, SecretList};

impl ApiClient {
    /// Seals a secret under a name, in place of what was there.
    pub fn set_secret(&self, name: &str, secret: &str) -> Result<(), ApiError> {
        let mut new = NewSecret { secret: secret.to_owned() };
        let path = place(name);
        let call = Call::new(Method::PUT, &path).body(&new);
        new.secret.zeroize();
        self.transport.tell(call)
    }

    /// The names of all secrets.
    pub fn secrets(&self) -> Result<Vec<String>, ApiError> {
        self.transport.get::<SecretList>("/api/v1/secrets", &[]).map(|list| list.secrets)
    }

    /// Removes a secret.
    pub fn remove_secret(&self, name: &str) -> Result<(), ApiError> {
        self.transport.tell(Call::new(Method::DELETE, &place(name)))
    }
}

/// Where a secret is. A name is one part of the path, whatever it holds.
fn place(name: &str) -> String {
    let part: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/api/v1/secrets/{}", part.replace('+', "%20"))
}
