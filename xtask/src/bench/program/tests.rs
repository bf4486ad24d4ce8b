//! Claims about what programs are told, and about what ours tells.

use super::*;
use crate::command::shown;

#[test]
fn the_traffic_is_that_of_the_summary() {
    let output = "{\"message_type\":\"status\",\"bytes_received\":1}\nnoise\n\
                  {\"message_type\":\"summary\",\"bytes_received\":1234,\"bytes_sent\":56}\n";
    assert_eq!(super::holdfast::traffic(output), Some((1234, 56)));
    assert_eq!(super::holdfast::traffic("noise"), None);
}

#[test]
fn each_program_is_told_to_restore_one_directory_in_its_own_words() {
    let dir = holdfast_testkit::temp_dir();
    let home = Home::new(dir.path().to_owned());
    home.clear().unwrap();
    home.next_snapshot().unwrap();
    let scene = Scene { home: &home, sshd: None, agents: Path::new("/agents") };
    let (source, part) = (Path::new("/srv/tree"), Path::new("/srv/tree/a/b"));
    let action = Action::Restore { source, part, target: Path::new("/out"), sparse: false };
    let said = |kind: Kind| {
        let program = Program { kind, file: kind.name().into(), version: String::new() };
        shown(&program.command(&action, &scene).unwrap().unwrap())
    };
    assert!(said(Kind::Holdfast).ends_with("restore latest:/srv/tree/a/b --target /out"));
    assert!(said(Kind::Restic).ends_with("restore latest:/srv/tree/a/b --target /out"));
    assert!(said(Kind::Rustic).ends_with("restore latest:/srv/tree/a/b /out"));
    let borg = said(Kind::Borg);
    assert!(borg.contains("--strip-components 4 ") && borg.ends_with("::s1 srv/tree/a/b"), "{borg}");
    assert!(said(Kind::Bupstash).ends_with("--into /out --pick a/b name=s1"));
}
