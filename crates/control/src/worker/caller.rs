//! How a client is called: its connection, the keys that are believed, the way to it, and how fast it may send.

use holdfast_db::{DbErrorKind, Reader};
use holdfast_model::client::{Client, ClientSpec, Connection};
use holdfast_model::source::RemoteHost;
use holdfast_model::{Name, TenantUid};
use holdfast_pull::Rate;

use super::{AtWork, Worker};
use crate::control::ControlError;
use crate::work::Failure;
use crate::work::client::{CallError, Caller, Way};

/// So many hosts may lie on the way to a client. More are a circle.
const MOST_HOPS: usize = 4;

impl Worker {
    /// A client, as it is called for a job: as long as it is at work, it goes by the client's limits of each time of the week.
    pub(super) async fn caller(&self, client: &Client, at_work: &AtWork) -> Result<Caller, Failure> {
        let way = way_to(&mut self.control.db.read().await?, client).await?;
        let rate = at_work.pace(client.spec.bandwidth.clone(), &*self.control.clock);
        Ok(Caller { rate, ..caller(client, way) })
    }
}

fn caller(client: &Client, way: Way) -> Caller {
    Caller {
        uid: client.uid,
        spec: client.spec.clone(),
        accepted: client.status.host_keys.accepted.clone(),
        rate: Rate::unlimited(),
        way,
    }
}

/// The clients that lie on the way to one, each called as it is itself but for what the next one says of login and port.
async fn way_to(reader: &mut Reader, client: &Client) -> Result<Way, Failure> {
    let mut hops: Vec<Client> = Vec::new();
    let jump = |connection: &Connection| connection.jump().map_err(|error| Failure::from(CallError::from(error)));
    let mut next = jump(&client.spec.connection)?;
    let mut way = Way::Direct;
    while let Some(host) = next.take() {
        match named(reader, client.tenant, &host).await? {
            Some(hop) if hops.len() < MOST_HOPS => {
                next = jump(&hop.spec.connection)?;
                hops.push(hop);
            }
            _ => way = Way::Nowhere(host.host().to_string()),
        }
    }
    // The farthest is called first, and through it the one before.
    for hop in hops.iter().rev() {
        way = Way::Through(Box::new(caller(hop, way)));
    }
    Ok(way)
}

/// The client that a jump host is, with the login and the port that are said with it.
async fn named(reader: &mut Reader, tenant: TenantUid, host: &RemoteHost) -> Result<Option<Client>, Failure> {
    let Ok(name) = host.host().to_string().parse::<Name>() else { return Ok(None) };
    let mut found = match reader.object_named::<ClientSpec>(tenant, &name).await {
        Ok(found) => found,
        Err(error) if error.kind() == DbErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ControlError::from(error).into()),
    };
    let connection = &mut found.spec.connection;
    connection.user = host.user().map(str::to_owned).or(connection.user.take());
    connection.port = host.port().or(connection.port);
    Ok(Some(found))
}
