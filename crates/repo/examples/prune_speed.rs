//! How long a prune takes in an existing repository, and what it does.
//!
//! `HOLDFAST_PASSWORD=… cargo run --release -p holdfast-repo --example prune_speed -- REPOSITORY [MAX_UNUSED]`

#![expect(clippy::print_stdout, reason = "an example that shows figures")]

use std::sync::Arc;
use std::time::Instant;

use holdfast_model::{CancelToken, Silent};
use holdfast_repo::prune::{PruneOptions, PrunePlan};
use holdfast_repo::{LockMode, OpenOptions, Repository};
use holdfast_store::{LocalStore, Sleep};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or_else(|| anyhow::anyhow!("give a repository"))?;
    let mut options = PruneOptions::default();
    if let Some(limit) = arguments.next() {
        options.max_unused = limit.parse()?;
    }
    let password = std::env::var("HOLDFAST_PASSWORD")?;
    let repository = Repository::open(Arc::new(LocalStore::new(path)), password.as_bytes(), OpenOptions::default())?;
    let lock = repository.lock(LockMode::Exclusive, &Sleep::default())?;
    let begin = Instant::now();
    let plan = PrunePlan::new(&repository, options, &(), &[], &Silent, &CancelToken::new())?;
    println!("planned in {:.2} s: {:#?}", begin.elapsed().as_secs_f64(), plan.stats());
    let begin = Instant::now();
    let report = plan.execute(&lock, &Silent, &CancelToken::new())?;
    println!("executed in {:.2} s: {report:?}", begin.elapsed().as_secs_f64());
    Ok(())
}
