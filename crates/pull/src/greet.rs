//! The first words of every session: the agent says who it is, the server says which version they will speak.

use std::time::Duration;

use holdfast_wire::{AgentHello, FromAgent, ToAgent, ViolationClass};

use crate::Violation;
use crate::link::{ClientLink, LinkError, Up};

/// So long it may take to bring the agent there over a slow line, and for it to speak.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Waits for the agent's greeting and answers it.
pub fn greet(link: &mut dyn ClientLink) -> Result<AgentHello, LinkError> {
    let hello = match link.recv_within(PATIENCE)? {
        Some(Up::Message(FromAgent::Hello(hello))) => hello,
        Some(Up::Message(FromAgent::Refused { message })) => return Err(LinkError::Refused(message)),
        None => return Err(Violation::new(ViolationClass::Deadline, "no greeting within a quarter of an hour").into()),
        Some(_) => return Err(Violation::new(ViolationClass::Protocol, "no greeting first").into()),
    };
    let version = hello.negotiate().map_err(LinkError::Version)?;
    link.send(ToAgent::Welcome { version })?;
    Ok(hello)
}
