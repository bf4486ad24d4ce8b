//! Which host keys of a client are believed, and that it is ready: what a person says of it, or the client itself with a
//! token that works once.

use holdfast_db::Writer;
use holdfast_model::client::{Client, ClientSpec, ClientStatus, HostKey};
use holdfast_model::{ClientUid, Time};
use sha2::{Digest, Sha256};

use crate::ask::tell_object;
use crate::control::{Control, ControlError};

/// A client has no more host keys: one of each type is usual.
pub const MOST_KEYS: usize = 16;

impl Control {
    /// Believes these keys of a client, and no others from now on.
    pub async fn accept_host_keys(&self, uid: ClientUid, keys: Vec<HostKey>, by: &str) -> Result<Client, ControlError> {
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        let mut client = writer.object::<ClientSpec>(uid).await?;
        believe(&mut client.status, keys);
        self.keep(&mut writer, &client, "host keys accepted", by).await?;
        writer.commit().await?;
        Ok(client)
    }

    /// A client that prepared itself says so, with a token that was given out for it, and may say which host keys it has.
    /// From then on the token is worth nothing.
    pub async fn set_ready(&self, uid: ClientUid, token: &str, keys: Vec<HostKey>) -> Result<Client, ControlError> {
        let now = self.now();
        let mut writer = self.db.write().await?;
        writer.lock_queue().await?;
        // Whether there is such a client is not told to who has no token.
        let mut client = writer.object::<ClientSpec>(uid).await.map_err(|_| ControlError::WrongToken)?;
        let given = client.status.ready_by.take().filter(|given| given.good_until > now);
        if given.is_none_or(|given| given.sha256 != digest(token)) {
            return Err(ControlError::WrongToken);
        }
        client.status.ready_since = Some(now);
        if !keys.is_empty() {
            believe(&mut client.status, keys);
        }
        self.keep(&mut writer, &client, "said to be ready", "the client").await?;
        writer.commit().await?;
        Ok(client)
    }

    async fn keep(&self, writer: &mut Writer, client: &Client, change: &str, by: &str) -> Result<(), ControlError> {
        writer.set_status::<ClientSpec>(client.uid, &client.status).await?;
        let now: Time = self.now();
        tell_object(writer, client, change, by, now).await
    }
}

fn believe(status: &mut ClientStatus, mut keys: Vec<HostKey>) {
    keys.sort();
    keys.dedup();
    status.host_keys.accepted = keys;
    status.host_keys.offered = Vec::new();
}

/// What is kept of a token: whoever reads the database cannot use it.
pub(crate) fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
