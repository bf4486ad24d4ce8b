//! The API keeps what its document says, whatever it is asked: by schemathesis, against the running server.

use std::process::Command;

use holdfast_testkit::Tool;

use crate::scene::{Databases, Scene};

/// Requests that are made up for each operation; `HOLDFAST_EXAMPLES` says otherwise.
const EXAMPLES: &str = "15";

pub(crate) fn whatever_is_asked_is_answered_as_the_document_says(databases: &Databases) {
    let Some(schemathesis) = Tool::Schemathesis.require() else { return };
    let scene = Scene::new(databases);
    let examples = std::env::var("HOLDFAST_EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let mut command = Command::new(schemathesis);
    command.arg("run").arg(scene.url("/api/openapi.json")).args(["--max-examples", &examples]);
    // Made up at random, but the same each time: a test that failed fails again.
    command.args(["--generation-deterministic", "--phases", "examples,coverage,fuzzing"]);
    // Not what the document promises: that whatever fits it is taken, and that If-Match is asked for before all else.
    command.args(["--exclude-checks", "positive_data_acceptance,missing_required_header"]);
    // A WebSocket is none of its matters; and jobs that are asked for would call hosts that are not there.
    command.env("NO_COLOR", "1").args(["--suppress-health-check", "all"]).current_dir(scene.dir.path());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
