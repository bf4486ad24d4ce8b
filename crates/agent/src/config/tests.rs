//! What a configuration allows, and that a wrong one allows nothing.

use holdfast_wire::{ChunkerSpec, Filter, Overwrite};

use super::*;

fn read(text: &str) -> Result<AgentConfig, ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    AgentConfig::read(file.path())
}

fn backup(root: &str) -> BackupJob {
    BackupJob {
        roots: vec![root.as_bytes().to_vec().into()],
        filter: Filter::default(),
        chunker: ChunkerSpec::Gear { seed: [0; 32] },
        digest_seed: [0; 32],
        atime: false,
        compress: false,
        credit: 0,
    }
}

fn restore(target: &str) -> RestoreJob {
    RestoreJob {
        target: target.as_bytes().to_vec().into(),
        overwrite: Overwrite::Always,
        delete: false,
        verify: false,
        dry_run: false,
        owners_by_name: false,
    }
}

#[test]
fn no_file_allows_everything() {
    let config = AgentConfig::read(Path::new("/nonexistent/agent.toml")).unwrap();
    assert_eq!(config, AgentConfig::default());
    assert_eq!(config.refuses_backup(&backup("/")), None);
    assert_eq!(config.refuses_restore(&restore("/")), None);
    assert_eq!(config.refuses_command(), None);
}

#[test]
fn only_what_is_beneath_the_allowed_paths_passes() {
    let config = read("paths = ['/etc', '/srv/www/']").unwrap();
    for path in ["/etc", "/etc/", "/etc/ssh", "/srv/www/a", "/etc/./x"] {
        assert_eq!(config.refuses_backup(&backup(path)), None, "{path}");
        assert_eq!(config.refuses_restore(&restore(path)), None, "{path}");
    }
    for path in ["/", "/etcetera", "/srv", "/etc/../root", "etc"] {
        let message = config.refuses_backup(&backup(path)).unwrap();
        assert!(message.contains(path) && message.contains(AgentConfig::PATH), "{message}");
        assert!(config.refuses_restore(&restore(path)).is_some(), "{path}");
    }
}

#[test]
fn restores_and_commands_can_be_forbidden() {
    let config = read("allow_restore = false\nallow_commands = false\nnice = 10\nionice = 'idle'").unwrap();
    assert!(config.refuses_restore(&restore("/x")).unwrap().contains("allow_restore"));
    assert!(config.refuses_command().unwrap().contains("allow_commands"));
    assert_eq!((config.nice, config.ionice), (Some(10), Some(IoClass::Idle)));
}

#[test]
fn a_file_that_is_not_understood_allows_nothing() {
    for text in ["allow_restores = false", "paths = 3", "paths = ['etc']", "paths = ['/a/..']", "nice = 20", "="] {
        assert!(read(text).is_err(), "{text}");
    }
}
