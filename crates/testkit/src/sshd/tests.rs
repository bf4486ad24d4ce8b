//! Claims about the server, each made by logging in with the system's ssh.

use super::*;
use crate::require_root;

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(255));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_command_runs_with_a_home_of_its_own() {
    let Some(sshd) = Sshd::builder().environment("REEF", "north").start() else { return };
    let said = out(&sshd.run("echo \"$HOME $REEF\"; touch ~/trace"));
    assert_eq!(said, format!("{} north\n", sshd.home().display()));
    assert!(sshd.home().join("trace").exists());
    assert!(sshd.log().contains("Accepted publickey"), "{}", sshd.log());
}

#[test]
fn the_command_for_the_command_line_splits_at_blanks() {
    let Some(sshd) = Sshd::start() else { return };
    let command = sshd.ssh_command();
    let words: Vec<&str> = command.split(' ').collect();
    let output = Command::new(words[0]).args(&words[1..]).arg(sshd.destination()).arg("exit 7").output().unwrap();
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn many_servers_run_at_once() {
    let servers: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> = (0..8).map(|_| scope.spawn(Sshd::start)).collect();
        starting.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    for sshd in &servers {
        assert_eq!(out(&sshd.run("echo here")), "here\n");
    }
}

#[test]
fn an_unknown_host_a_changed_one_and_a_key_without_rights_are_refused() {
    let Some(sshd) = Sshd::start() else { return };
    let known = std::fs::read(sshd.known_hosts()).unwrap();
    std::fs::write(sshd.known_hosts(), "").unwrap();
    assert!(err(&sshd.run("true")).contains("Host key verification failed"));
    sshd.expect_another_host_key();
    assert!(err(&sshd.run("true")).contains("REMOTE HOST IDENTIFICATION HAS CHANGED"));
    std::fs::write(sshd.known_hosts(), known).unwrap();
    std::fs::remove_file(sshd.client_key()).unwrap();
    config::generate_key(&sshd.client_key());
    assert!(err(&sshd.run("true")).contains("Permission denied"));
}

#[test]
fn a_forced_command_runs_whatever_was_asked_for() {
    let Some(sshd) = Sshd::builder().forced_command("echo \"forced: $SSH_ORIGINAL_COMMAND\"").start() else { return };
    assert_eq!(out(&sshd.run("rm -rf /")), "forced: rm -rf /\n");
}

#[test]
fn lines_of_configuration_come_before_ours() {
    let Some(sshd) = Sshd::builder().config("ForceCommand echo from-the-configuration").start() else { return };
    assert_eq!(out(&sshd.run("true")), "from-the-configuration\n");
}

#[test]
fn an_ordinary_user_logs_in_and_the_machine_has_no_such_user() {
    let Some(sshd) = Sshd::builder().unprivileged_user().start() else { return };
    assert_eq!(sshd.user(), Sshd::UNPRIVILEGED);
    assert_eq!(out(&sshd.run("id -un; touch ~/mine; grep -c . /etc/shadow")), "holdfast-test\n1\n");
    assert_eq!(sshd.run("touch /etc/not-mine").status.code(), Some(1));
    assert!(sshd.home().join("mine").exists());
    assert!(!config::read(Path::new("/etc/passwd")).contains(Sshd::UNPRIVILEGED));
}

#[test]
fn file_systems_can_be_mounted_for_the_sessions_alone() {
    if !require_root() {
        return;
    }
    let Some(sshd) = Sshd::builder().before("mount -t tmpfs -o ro none \"$HOME\"").start() else { return };
    let refused = sshd.run("touch ~/x");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Read-only file system"));
    std::fs::write(sshd.home().join("outside"), "").unwrap();
    assert_eq!(out(&sshd.run("ls ~ | wc -l")), "0\n");
}

#[test]
fn cutting_ends_sessions_and_leaves_the_server() {
    let Some(sshd) = Sshd::start() else { return };
    let mut ssh = Command::new("ssh");
    ssh.args(sshd.ssh_arguments()).arg(sshd.destination()).arg("sleep 1000; true");
    let mut client = ssh.stderr(std::process::Stdio::null()).spawn().unwrap();
    process::must_happen("the session sleeps", || !process::descendants_named(sshd.pid(), "sleep").is_empty());
    sshd.cut();
    assert_eq!(client.wait().unwrap().code(), Some(255));
    assert_eq!(out(&sshd.run("echo still here")), "still here\n");
}

#[test]
fn nothing_is_left_when_the_server_is_dropped() {
    let Some(sshd) = Sshd::start() else { return };
    let mut ssh = Command::new("ssh");
    ssh.args(sshd.ssh_arguments()).arg(sshd.destination()).arg("sleep 1000; true");
    let mut client = ssh.stderr(std::process::Stdio::null()).spawn().unwrap();
    process::must_happen("the session sleeps", || !process::descendants_named(sshd.pid(), "sleep").is_empty());
    let (server, sessions, dir) = (sshd.pid(), sshd.session_processes(), sshd.home());
    drop(sshd);
    process::must_happen("all have ended", || ![server].iter().chain(&sessions).any(|pid| process::is_running(*pid)));
    assert!(!dir.exists());
    client.wait().unwrap();
}
