//! `holdfast snapshot download`: a file or an archive, to standard output or under its final name once it is whole.
//!
//! What breaks off is an error, and leaves what was under the name before.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use holdfast_api::client::Download;
use holdfast_model::SnapshotPath;
use holdfast_model::monitor::Progress;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::repository;
use crate::args::api::{DownloadForm, SnapshotDownload};
use crate::commands::api::Session;
use crate::commands::api::source::{self, Source};
use crate::exit::Exit;
use crate::output;

/// So many bytes are taken at once.
const PIECE: usize = 128 << 10;
const STANDARD_OUTPUT: &str = "standard output";

/// What was downloaded, for programs.
#[derive(Serialize)]
struct Done<'a> {
    message_type: &'static str,
    snapshot: String,
    path: String,
    output: &'a Path,
    bytes: u64,
}

/// Downloads.
pub fn run(session: &Session<'_>, args: &SnapshotDownload) -> Result<Exit> {
    let output = &session.context.output;
    if args.output.is_none() && output.is_json() {
        bail!("--json says what became of a file: name one with --output FILE, as standard output holds the download");
    }
    let is_archive = args.format.is_some_and(|form| form != DownloadForm::Raw);
    refuse_terminal(args, is_archive)?;
    let target = args.output.as_deref().map(|target| place(target, args.force)).transpose()?;
    let path = source::path(&args.source)?.unwrap_or_else(SnapshotPath::root);
    let within = repository(session, args.repository.as_ref())?;
    let snapshot = Source::find(session, &args.source, within)?.snapshot(session, within)?;
    let ask = |form: Option<DownloadForm>| {
        session.api.download((snapshot.repository, snapshot.id), &path, form.map(DownloadForm::as_str))
    };
    let by_ending = args.output.as_deref().and_then(|file| form_of(&file.to_string_lossy()));
    // A file that is an archive itself keeps its own form.
    let has_same_ending = by_ending.is_some() && form_of(&path.to_string()) == by_ending;
    let mut download = ask(args.format.or(by_ending.filter(|_| !has_same_ending)))?;
    if args.format.is_none() && has_same_ending && download.is_archive() {
        download = ask(by_ending)?;
    }
    refuse_terminal(args, download.is_archive())?;
    let Some((target, mut unfinished)) = target else {
        // Nothing but the download goes there.
        output.finish();
        let mut out = output::standard();
        take(session, &mut download, &mut out, STANDARD_OUTPUT)?;
        out.flush().context("cannot write to standard output")?;
        return Ok(Exit::Done);
    };
    let shown = target.display().to_string();
    let bytes = take(session, &mut download, unfinished.as_file_mut(), &shown)?;
    unfinished.as_file().sync_all().with_context(|| format!("cannot write {shown}"))?;
    unfinished.persist(&target).map_err(|error| error.error).with_context(|| format!("cannot make {shown}"))?;
    output.finish();
    output.line(format!("{shown}: {} of snapshot {}", output::bytes(bytes), snapshot.id.short()))?;
    if output.is_json() {
        let (snapshot, path) = (snapshot.id.to_string(), path.to_string());
        output.document(&Done { message_type: "download", snapshot, path, output: &target, bytes })?;
    }
    Ok(Exit::Done)
}

/// An archive means nothing to a terminal, or something bad.
fn refuse_terminal(args: &SnapshotDownload, is_archive: bool) -> Result<()> {
    if args.output.is_none() && is_archive && io::stdout().is_terminal() {
        bail!("an archive is not written to a terminal: say --output FILE, or send it on with > or |");
    }
    Ok(())
}

/// The form that the name of a file says it has.
fn form_of(name: &str) -> Option<DownloadForm> {
    let ends = |ending: &str| name.to_ascii_lowercase().ends_with(ending);
    match () {
        () if ends(".zip") => Some(DownloadForm::Zip),
        () if ends(".tar") => Some(DownloadForm::Tar),
        () if ends(".tar.zst") || ends(".tzst") => Some(DownloadForm::TarZst),
        () => None,
    }
}

/// Where the file is to be, and a file beside it that has no name that lasts.
fn place(target: &Path, may_replace: bool) -> Result<(PathBuf, NamedTempFile)> {
    let shown = target.display();
    // Whoever has a link there means what it leads to.
    let target = match fs::canonicalize(target) {
        Ok(there) if there.is_file() && !may_replace => {
            bail!("{shown} is there already: name another file, or say --force to replace it")
        }
        Ok(there) if there.is_file() => there,
        Ok(there) if there.is_dir() => bail!("{shown} is a directory: name a file in it"),
        Ok(_) => {
            bail!("{shown} is no file that can be replaced: leave out --output, and send the download there with >")
        }
        Err(_) => target.to_owned(),
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = tempfile::Builder::new().prefix(".holdfast-download-").tempfile_in(folder);
    let unfinished = unfinished.with_context(|| format!("cannot write a file in {}", folder.display()))?;
    Ok((target, unfinished))
}

/// Takes all of it, and says how far it is.
fn take(session: &Session<'_>, download: &mut Download, out: &mut dyn Write, to: &str) -> Result<u64> {
    let has_own_terminal = to != STANDARD_OUTPUT || !io::stdout().is_terminal();
    let mut progress = Progress { bytes_total: download.length(), ..Progress::default() };
    let mut piece = vec![0; PIECE];
    loop {
        session.context.cancel.check()?;
        let count = match download.read(&mut piece) {
            Ok(0) => return Ok(progress.bytes_done),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let came = output::bytes(progress.bytes_done);
                return Err(error).with_context(|| {
                    format!("the download broke off after {came}, and is not whole; the server's own log says why")
                });
            }
        };
        out.write_all(&piece[..count]).with_context(|| format!("cannot write to {to}"))?;
        progress.bytes_done += count as u64;
        // Where the file itself is shown, nothing is drawn into it.
        if has_own_terminal {
            session.context.output.monitor().progress(&progress);
        }
    }
}
