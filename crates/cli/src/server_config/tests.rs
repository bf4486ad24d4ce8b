//! What is configured where, and what is refused.

use std::fs;

use super::*;

fn args(dir: &Path) -> ServerArgs {
    ServerArgs { config: Some(dir.join("server.toml")), ..ServerArgs::default() }
}

fn told(error: &anyhow::Error) -> String {
    crate::failure::sentence(error)
}

#[test]
fn the_later_source_wins_and_each_value_tells_where_it_is_from() {
    let dir = holdfast_testkit::temp_dir();
    fs::create_dir(dir.path().join("conf.d")).unwrap();
    fs::write(dir.path().join("server.toml"), "data = '/a'\nlisten = '127.0.0.1:1'\njobs = 3\nname = 'one'\n").unwrap();
    fs::write(dir.path().join("conf.d/20.toml"), "listen = '127.0.0.1:3'\n").unwrap();
    fs::write(dir.path().join("conf.d/10.toml"), "listen = '127.0.0.1:2'\njobs = 4\n").unwrap();
    fs::write(dir.path().join("conf.d/notes.txt"), "no TOML").unwrap();
    fs::write(dir.path().join(".env"), "HOLDFAST_NAME=two\nAWS_SECRET_ACCESS_KEY=x\n").unwrap();
    let config = ServerConfig::read(&ServerArgs { jobs: Some(5), ..args(dir.path()) }).unwrap();
    let place = config.place().unwrap();
    assert_eq!((place.listen.port(), place.jobs, place.name.as_str()), (3, 5, "two"));
    assert_eq!(place.database, "sqlite:/a/holdfast.db");
    assert_eq!(place.public_url, "http://127.0.0.1:3");
    assert_eq!(config.value(Key::Jobs).1, Origin::Flag);
    assert_eq!(config.value(Key::Listen).1, Origin::File(dir.path().join("conf.d/20.toml")));
    assert_eq!(config.value(Key::Database).1, Origin::Default);
}

#[test]
fn what_is_misspelt_or_makes_no_sense_is_told_in_one_sentence() {
    let dir = holdfast_testkit::temp_dir();
    let read = |text: &str| {
        fs::write(dir.path().join("server.toml"), text).unwrap();
        let config = ServerConfig::read(&args(dir.path())).and_then(|config| config.place());
        told(&config.unwrap_err())
    };
    let file = dir.path().join("server.toml").display().to_string();
    assert_eq!(read("listn = '127.0.0.1:1'"), format!("{file}: there is no setting listn; is listen meant?"));
    assert_eq!(read("jobs = 0"), format!("jobs is \"0\" ({file}), which is not a number of jobs, at least 1"));
    assert!(read("listen = 'everywhere'").contains("127.0.0.1:8420"));
    let refused = read("listen = '0.0.0.0:8420'");
    assert!(refused.starts_with(&format!("listen ({file}): 0.0.0.0:8420 can be reached")), "{refused}");
    assert!(
        read("maintenance-memory = 'much'")
            .starts_with(&format!("maintenance-memory ({file}): \"much\" is not a size"))
    );
    assert!(read("maintenance-memory = '1M'").ends_with("at least 256M, and more for large repositories"));
    assert!(read("listen = [1]").contains("must be a text"));
    assert!(read("listen = ").starts_with(&format!("{file} line 1: ")));
    let missing = ServerArgs { config: Some(dir.path().join("gone.toml")), ..ServerArgs::default() };
    assert!(told(&ServerConfig::read(&missing).unwrap_err()).starts_with("cannot read "));
}

#[test]
fn a_password_of_the_database_is_not_shown() {
    let dir = holdfast_testkit::temp_dir();
    fs::write(dir.path().join("server.toml"), "database = 'postgres://ann:hunter2@db/holdfast'").unwrap();
    let config = ServerConfig::read(&args(dir.path())).unwrap();
    assert_eq!(config.shown(Key::Database).0, "postgres://ann:…@db/holdfast");
}
