//! YAML as people read and write it: always in the same order, names first, without what has its default value.
//!
//! In between everything is JSON, which is what the server takes.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use holdfast_model::Settings;
use holdfast_model::object::Spec;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

/// What stands first in an object. The rest follows by the alphabet.
const FIRST: [&str; 5] = ["tenant", "name", "hostname", "type", "command"];
/// The parts of a configuration, which alone has a version: what is needed stands before what needs it.
const PARTS: [&str; 7] = ["version", "tenants", "schedules", "repositories", "clients", "policies", "settings"];

/// A value whose fields are written in our order.
struct Ordered<'a>(&'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => serializer.collect_seq(items.iter().map(Ordered)),
            Value::Object(fields) => {
                let first: &[&str] = if fields.contains_key("version") { &PARTS } else { &FIRST };
                let rank = |name: &str| first.iter().position(|first| *first == name).unwrap_or(first.len());
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_by_key(|(name, _)| (rank(name), *name));
                let mut map = serializer.serialize_map(Some(sorted.len()))?;
                for (name, value) in sorted {
                    map.serialize_entry(name, &Ordered(value))?;
                }
                map.end()
            }
            other => other.serialize(serializer),
        }
    }
}

/// A value as YAML, with the end of its last line.
pub fn write(value: &Value) -> Result<String> {
    let options = serde_saphyr::ser_options! { compact_list_indent: false, prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(&Ordered(value), options).context("cannot write YAML")?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// Reads one document; nothing at all is `null`.
pub fn read(text: &str) -> Result<Value> {
    // As large as ten thousand clients need it, and no larger.
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_events: 4_000_000, max_nodes: 2_000_000 },
    };
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let read = serde_saphyr::from_str_with_options(text, options);
    read.map_err(|error| {
        let told = error.to_string();
        anyhow::anyhow!(told.split_whitespace().collect::<Vec<_>>().join(" "))
    })
}

/// Settings that were made, each without the parts that have their default values.
pub fn minimal_settings(made: &BTreeMap<String, Value>) -> Value {
    let mut whole: Value = made.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Ok(settings) = serde_json::from_value::<Settings>(whole.clone()) {
        for (name, _) in made.iter().filter(|(_, value)| value.is_object()) {
            leave_out_defaults(&settings, &mut whole, &mut vec![name.clone()]);
        }
    }
    whole
}

/// A spec without the fields that have their default values.
pub fn minimal<S: Spec>(spec: &S) -> Value {
    let mut whole = serde_json::to_value(spec).expect("a spec has text for keys");
    leave_out_defaults(spec, &mut whole, &mut Vec::new());
    whole
}

/// Of the object at `path`, leaves out each field without which the whole still means the same.
fn leave_out_defaults<T: PartialEq + DeserializeOwned>(spec: &T, whole: &mut Value, path: &mut Vec<String>) {
    let names: Vec<String> = at(whole, path).keys().cloned().collect();
    for name in names {
        let Some(value) = at(whole, path).remove(&name) else { continue };
        // Many fields have this one value, and only reading the whole tells whether it is meant.
        if serde_json::from_value::<T>(whole.clone()).is_ok_and(|read| read == *spec) {
            continue;
        }
        let is_object = value.is_object();
        at(whole, path).insert(name.clone(), value);
        if is_object {
            path.push(name);
            leave_out_defaults(spec, whole, path);
            path.pop();
        }
    }
}

fn at<'a>(whole: &'a mut Value, path: &[String]) -> &'a mut Map<String, Value> {
    let place = path.iter().fold(whole, |value, name| &mut value[name.as_str()]);
    place.as_object_mut().expect("only objects are gone into")
}

#[cfg(test)]
mod tests {
    use holdfast_model::client::ClientSpec;
    use holdfast_model::policy::PolicySpec;
    use holdfast_model::repository::RepositorySpec;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let value = json!({
            "name": "yes", "cron": "30 2 * * *", "port": 22, "null": null, "on": true, "list": ["1", 1, "null", "~", "a: b", "#"],
            "empty": "", "nested": {"0x1f": "0o17", "time": "12:30", "date": "2026-11-24", "none": {}, "no": []},
            "lines": "one\ntwo\n", "long": "word ".repeat(60), "sign": "+1", "float": "1e3", "tab": "a\tb", "quote": "it's \"so\"",
            "accents": "größer", "star": "*", "percent": "%x", "at": "@daily", "bang": "!x", "dash": "- x", "blank": " x ",
        });
        let text = write(&value).unwrap();
        assert_eq!(read(&text).unwrap(), value, "{text}");
        assert_eq!(read("# nothing\n").unwrap(), Value::Null);
    }

    #[test]
    fn names_come_first_and_everything_has_its_place() {
        let text = write(&json!({"b": 1, "name": "x", "a": [{"z": 1, "hostname": "h"}]})).unwrap();
        assert_eq!(text, "name: x\na:\n  - hostname: h\n    z: 1\nb: 1\n");
    }

    #[test]
    fn what_has_its_default_is_left_out_and_comes_back() {
        let spec: ClientSpec = serde_json::from_value(json!({"hostname": "web1", "connection": {"port": 22}})).unwrap();
        assert_eq!(minimal(&spec), json!({"hostname": "web1", "connection": {"port": 22}}));
        let json = json!({
            "name": "main", "uri": "/srv", "password": "sealed:main", "maintenance": {"prune": null}, "enabled": false,
        });
        let spec: RepositorySpec = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(minimal(&spec), json, "null is not always the default");
        let json = json!({
            "name": "p", "work": {"type": "folders", "paths": ["/etc"]}, "repository": "main",
            "retention": {"daily": 7, "within": "1y5m"}, "retries": {"count": 0},
        });
        let spec: PolicySpec = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(minimal(&spec), json);
    }

    #[test]
    fn what_is_no_yaml_is_told_on_one_line() {
        for text in ["a: [", "a: b: c", "{", "a: 1\na: 2", "a: 'x"] {
            let told = read(text).unwrap_err().to_string();
            assert!(!told.contains('\n') && told.contains("line"), "{told}");
        }
    }
}
