//! Reaching a host: which `ssh`, which agents, and what is remembered of the client.

use std::env;
use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use holdfast_model::monitor::Phase;
use holdfast_model::source::RemoteHost;
use holdfast_pull::ssh::SshProgram;
use holdfast_pull::state::{ClientIdentity, ClientState, RepositoryState};
use holdfast_pull::{Agents, Remote, RemoteLink, Start, greet};
use holdfast_repo::Repository;
use holdfast_wire::AgentHello;
use parking_lot::Mutex;

use crate::args::ConnectionArgs;
use crate::{Context, open};

/// Whose turn it is to ask for a password or a host key's confirmation, of several sessions that begin at once.
#[derive(Default)]
pub struct Turns(Mutex<()>);

/// Everything that is needed to call a host.
pub struct Call {
    /// Whether a person may be asked something.
    interactive: bool,
    ssh: SshProgram,
    agents: Agents,
    start: Start,
    program: PathBuf,
    limit_rate: Option<u64>,
}

impl Call {
    /// Finds `ssh` and the agents.
    pub fn prepare(args: &ConnectionArgs, limit_rate: Option<u64>) -> Result<Self> {
        let mut ssh: SshProgram = args.ssh.as_deref().map(str::parse).transpose()?.unwrap_or_default();
        let interactive = std::io::stdin().is_terminal();
        if interactive {
            ssh = ssh.interactive();
        }
        let file = env::current_exe().context("cannot find this program's own file")?;
        let agents = Agents::find(&agent_folders(args.agents.clone(), &file))?;
        // Not by its path: there may be a newer release by then.
        let program = PathBuf::from("/proc/self/exe");
        let start = Start { sudo: args.sudo, ephemeral: args.ephemeral, installed: false };
        Ok(Self { interactive, ssh, agents, start, program, limit_rate })
    }

    /// Starts the session.
    pub fn connect(&self, context: &Context, host: &RemoteHost) -> Result<RemoteLink> {
        let remote = Remote {
            host,
            ssh: &self.ssh,
            start: self.start,
            agents: &self.agents,
            puller: &self.program,
            rate: self.limit_rate.into(),
        };
        RemoteLink::connect(&remote, &context.cancel).with_context(|| format!("cannot call {host}"))
    }
}

impl Turns {
    /// Starts a session and greets the agent; one after another where a person may be asked something, so that each
    /// answer reaches the question that it was given to.
    pub fn greet(&self, call: &Call, context: &Context, host: &RemoteHost) -> Result<(RemoteLink, AgentHello)> {
        let _turn = call.interactive.then(|| self.0.lock());
        context.output.monitor().phase(Phase::Connecting);
        let mut link = call.connect(context, host)?;
        let hello = greet(&mut link)?;
        Ok((link, hello))
    }
}

/// Where the agents may be: where the option says, else beside the program or where packages put them.
/// Where agents are looked for: where it is said, or where they may be installed.
pub fn agent_folders(option: Option<PathBuf>, program: &std::path::Path) -> Vec<PathBuf> {
    if let Some(folder) = option {
        return vec![folder];
    }
    let beside = program.parent().map(PathBuf::from).unwrap_or_default();
    let up = beside.parent().map(PathBuf::from).unwrap_or_default();
    vec![beside.join("agents"), up.join("agents"), up.join("lib/holdfast/agents"), "/usr/lib/holdfast/agents".into()]
}

/// What is remembered of a client of this repository; nothing without a state directory.
pub fn client_state(
    context: &Context,
    repository: &Repository,
    identity: &ClientIdentity,
    trust_group: Option<&str>,
) -> Result<Option<ClientState>> {
    let Some(root) = open::state_dir(&context.global) else { return Ok(None) };
    Ok(Some(RepositoryState::new(&root, &repository.id()).client(identity, trust_group)?))
}
