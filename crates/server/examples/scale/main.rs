//! What a large server costs: fills a database, asks the API and the scheduler, and prints what was measured as JSON.
//!
//! `scale fill ADDRESS CLIENTS JOBS SNAPSHOTS`, then `scale measure ADDRESS`. `cargo xtask bench server` runs both.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "it is run by hand, and prints what it measures")]

mod fill;
mod measure;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let result = match words[..] {
        ["fill", address, clients, jobs, snapshots] => {
            let number = |text: &str| text.parse().unwrap();
            runtime.block_on(fill::fill(address, number(clients), number(jobs), number(snapshots)))
        }
        ["measure", address] => runtime.block_on(measure::measure(address)),
        _ => panic!("scale fill ADDRESS CLIENTS JOBS SNAPSHOTS, or scale measure ADDRESS"),
    };
    println!("{result}");
}
