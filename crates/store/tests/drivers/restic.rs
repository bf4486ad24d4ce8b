//! Every driver finds what restic wrote, and restic finds what a driver wrote, in the same place.

use std::path::Path;
use std::process::Command;

use holdfast_store::{FileKind, Place, RcloneProgram, RcloneStore, RestStore, SftpStore, SshProgram, Store, Tls};
use holdfast_testkit::{Restic, Sshd, Tool, temp_dir};

use crate::servers::Server;

/// Lets restic write a repository at `from`, copies it to `to` through the driver, and lets restic check the copy.
/// `more` gives restic what it needs to reach a place.
fn copied_by_us(from: (&str, &dyn Store), to: (&str, &dyn Store), more: &dyn Fn(&mut Command)) {
    let (Some(first), Some(second)) = (Restic::new(from.0, "secret"), Restic::new(to.0, "secret")) else { return };
    let source = temp_dir();
    for number in 0..20u8 {
        std::fs::write(source.path().join(format!("file {number}")), vec![number; 100_000]).unwrap();
    }
    let run = |restic: &Restic, arguments: &[&str]| {
        let mut command = restic.command();
        more(&mut command);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&first, &["init"]);
    run(&first, &["backup", source.path().to_str().unwrap()]);
    to.1.create().unwrap();
    for kind in [FileKind::Config, FileKind::Key, FileKind::Pack, FileKind::Index, FileKind::Snapshot] {
        let found = from.1.list(kind).unwrap();
        assert!(!found.is_empty(), "{kind:?}");
        for file in found {
            let content = from.1.read(kind, &file.id).unwrap();
            assert_eq!(content.len() as u64, file.size);
            to.1.put(kind, &file.id, &[&content[..1], &content[1..]]).unwrap();
        }
    }
    let packs = run(&second, &["list", "packs", "--no-lock"]);
    assert_eq!(packs.lines().count(), to.1.list(FileKind::Pack).unwrap().len());
    let said = run(&second, &["check", "--read-data"]);
    assert!(said.contains("no errors were found"), "{said}");
    assert_eq!(to.1.list(FileKind::Lock).unwrap(), []);
}

#[test]
fn over_rest() {
    let dir = temp_dir();
    let Some(program) = Tool::RestServer.require() else { return };
    let (_server, port) = Server::on_free_port(|port| {
        let mut command = Command::new(&program);
        command.arg("--path").arg(dir.path()).args(["--no-auth", "--listen", &format!("127.0.0.1:{port}")]);
        command
    });
    let at = |name: &str| {
        let text = format!("rest:http://127.0.0.1:{port}/{name}/");
        let Ok(Place::Rest(place)) = text.parse() else { panic!("{text} is not REST") };
        (text, RestStore::new(&place, None, &Tls::default(), 4).unwrap())
    };
    let (from, to) = (at("theirs"), at("ours"));
    copied_by_us((&from.0, &from.1), (&to.0, &to.1), &|_| {});
}

#[test]
fn over_rclone() {
    let dir = temp_dir();
    let Some(program) = Tool::Rclone.require().map(|program| program.display().to_string()) else { return };
    let at = |name: &str| {
        let remote = dir.path().join(name).display().to_string();
        let how = RcloneProgram { program: program.clone(), ..RcloneProgram::default() };
        (format!("rclone:{remote}"), RcloneStore::start(&remote, &how, 4).unwrap())
    };
    let (from, to) = (at("theirs"), at("ours"));
    let option = format!("rclone.program={program}");
    copied_by_us((&from.0, &from.1), (&to.0, &to.1), &|command| {
        command.args(["-o", &option]);
    });
}

#[test]
fn over_sftp() {
    let Some(sshd) = Sshd::builder().config("Subsystem sftp internal-sftp").start() else { return };
    let arguments = sshd.ssh_arguments().join(" ");
    let at = |name: &str| {
        let text = format!("sftp:{}", sshd.source(sshd.home().join(name)));
        let Ok(Place::Sftp(place)) = text.parse() else { panic!("{text} is not SFTP") };
        let how = SshProgram { arguments: Some(arguments.clone()), ..SshProgram::default() };
        (text, SftpStore::new(&place, &how))
    };
    let (from, to) = (at("theirs"), at("ours"));
    let option = format!("sftp.args={arguments}");
    copied_by_us((&from.0, &from.1), (&to.0, &to.1), &|command| {
        command.args(["-o", &option]);
    });
    assert!(Path::new(&sshd.home()).join("ours/config").is_file());
}
