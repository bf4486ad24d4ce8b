//! `holdfast serve` and `holdfast worker`: one process that goes on until it is told to stop.

mod clock;
mod parts;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use holdfast_control::drive::{self, Pace};
use holdfast_model::CancelToken;
use holdfast_server::{Server, SystemRandom, ensure_default_tenant, router, serve};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Context;
use crate::args::{ServeArgs, ServerArgs, WorkerArgs};
use crate::exit::Exit;
use crate::server_config::{ServerConfig, ServerPlace};

use parts::{Log, Parts};

/// So long it takes at most until all that was asked is answered, once the server is to end.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// So long what blocks may take after that.
const LAST_WORK: Duration = Duration::from_secs(5);

/// The API, the scheduler and a worker.
pub fn run(context: &Context, args: &ServeArgs) -> Result<Exit> {
    let mut place = place(context, &args.server)?;
    run_to_end(async {
        let parts = Parts::open(&place).await?;
        let listener = TcpListener::bind(place.listen)
            .await
            .with_context(|| format!("cannot listen on {}: is another server running there?", place.listen))?;
        let address = listener.local_addr().context("cannot listen")?;
        place.listens_at(address);
        let log = Log::new(context);
        let worker = parts.worker(&place)?;
        let server = Server::new(parts.control.clone(), parts.secrets.clone(), SystemRandom, log.clone());
        let server = server.with_depot(worker.depot().clone());
        ensure_default_tenant(&server).await?;
        let stop = stopped(&context.cancel);
        // Without an API there is no server: whatever ends it ends all.
        let (served, cancel) = (serve(listener, router(server), until(&stop)), context.cancel.clone());
        let serving = tokio::spawn(async move {
            let ended = served.await;
            cancel.cancel();
            ended
        });
        context.output.line(format!("holdfast serves http://{address} from {}", place.data.display()))?;
        context.output.line(format!("its clients let this key in: {}", parts.public_key))?;
        if context.output.is_json() {
            let url = format!("http://{address}");
            let document = json!({"message_type": "serving", "url": url, "public_key": parts.public_key});
            context.output.document(&document)?;
        }
        let pace = pace();
        tokio::join!(
            drive::schedule(&parts.control, &parts.name, pace, &log, until(&stop)),
            drive::work(&worker, pace, &log, until(&stop)),
            hear(&parts, &log, until(&stop)),
            parts.follow_clock(&log, until(&stop)),
        );
        // Whoever has not taken an answer by now comes back.
        if let Ok(served) = tokio::time::timeout(LAST_ANSWERS, serving).await {
            served.context("the API ended")??;
        }
        parts.control.database().close().await;
        Ok(Exit::Done)
    })
}

/// A worker alone.
pub fn work(context: &Context, args: &WorkerArgs) -> Result<Exit> {
    let place = place(context, &args.server)?;
    run_to_end(async {
        let parts = Parts::open(&place).await?;
        if !parts.control.database().is_shared() {
            bail!("a worker of its own needs PostgreSQL: say --database postgres://USER@HOST/NAME, as the server's");
        }
        let log = Log::new(context);
        let stop = stopped(&context.cancel);
        context.output.line(format!("holdfast works as {}", parts.name))?;
        let worker = parts.worker(&place)?;
        tokio::join!(
            drive::work(&worker, pace(), &log, until(&stop)),
            hear(&parts, &log, until(&stop)),
            parts.follow_clock(&log, until(&stop)),
        );
        parts.control.database().close().await;
        Ok(Exit::Done)
    })
}

fn place(context: &Context, args: &ServerArgs) -> Result<ServerPlace> {
    let config = ServerConfig::read(args)?;
    config.warn(context.output.monitor());
    config.place()
}

/// Runs a server until it ends. What still blocks then, because storage or a host hangs, keeps nobody.
fn run_to_end(work: impl Future<Output = Result<Exit>>) -> Result<Exit> {
    // What blocks, blocks in threads of its own: two are enough for all that waits.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().context("cannot start")?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_WORK);
    ended
}

/// How often things are looked at; more often for a clock that a test moves.
fn pace() -> Pace {
    match clock::is_moved() {
        true => Pace { look: Duration::from_millis(100), ..Pace::default() },
        false => Pace::default(),
    }
}

/// Comes true when somebody wants the process to end.
fn stopped(cancel: &CancelToken) -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    cancel.on_cancel(move || {
        let _ = stop.send(true);
    });
    stopped
}

fn until(stop: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop.clone();
    async move {
        // Whoever could say it is there as long as the process.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

/// Hears what other processes say, and listens anew when the connection breaks.
async fn hear(parts: &Parts, log: &Log, stop: impl Future<Output = ()>) {
    let hear = async {
        loop {
            if let Err(error) = parts.control.database().hear_others().await {
                log.say(&format!("cannot hear the other processes: {}", crate::failure::sentence(&error.into())));
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    tokio::select! {
        () = stop => {}
        () = hear => {}
    }
}
