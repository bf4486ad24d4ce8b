//! What a large server costs: fills a database, asks the API and the scheduler, and prints what was measured as JSON.
//!
//! `scale fill ADDRESS CLIENTS JOBS SNAPSHOTS`, then `scale measure ADDRESS`. `cargo xtask bench server` runs both.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

mod fill;
mod measure;

/// What went wrong ends it, in whatever words there are for it.
type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = match words[..] {
        ["fill", address, clients, jobs, snapshots] => {
            runtime.block_on(fill::fill(address, clients.parse()?, jobs.parse()?, snapshots.parse()?))?
        }
        ["measure", address] => runtime.block_on(measure::measure(address))?,
        _ => return Err("scale fill ADDRESS CLIENTS JOBS SNAPSHOTS, or scale measure ADDRESS".into()),
    };
    println!("{result}");
    Ok(())
}
