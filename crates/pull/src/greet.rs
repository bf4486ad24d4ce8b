//! The first words of every session: the agent says who it is, the server says which version they will speak.

use holdfast_wire::{AgentHello, FromAgent, ToAgent, ViolationClass};

use crate::Violation;
use crate::link::{ClientLink, LinkError, Up};

/// Waits for the agent's greeting and answers it.
pub fn greet(link: &mut dyn ClientLink) -> Result<AgentHello, LinkError> {
    let hello = match link.recv()? {
        Up::Message(FromAgent::Hello(hello)) => hello,
        Up::Message(FromAgent::Refused { message }) => return Err(LinkError::Refused(message)),
        _ => return Err(Violation::new(ViolationClass::Protocol, "no greeting first").into()),
    };
    let version = hello.negotiate().map_err(LinkError::Version)?;
    link.send(ToAgent::Welcome { version })?;
    Ok(hello)
}
