//! How a person changes a spec: field by field, or all of it in an editor.
//!
//! What the result means is for the server to judge. What was written in an editor is never lost.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Error, Result, bail};
use holdfast_api::Object;
use holdfast_model::object::Spec;
use serde_json::{Map, Value};

use super::yaml;
use crate::environment;

/// What is written in an editor is not longer.
const LONGEST: u64 = 1 << 20;

/// What a spec is to become, and where it was written down.
pub struct NewSpec {
    value: Value,
    file: Option<PathBuf>,
}

impl NewSpec {
    /// What it is to become.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// It was taken: what was written is not needed any more.
    pub fn taken(self) {
        if let Some(path) = self.file {
            // What is left behind harms nobody.
            let _ = std::fs::remove_file(path);
        }
    }

    /// The error, with where to find what was written.
    pub fn kept(&self, error: Error) -> Error {
        match &self.file {
            None => error,
            Some(path) => {
                anyhow::anyhow!("{}; what you wrote is kept in {}", crate::failure::sentence(&error), path.display())
            }
        }
    }
}

/// The changed spec of an object; `None` if nothing was changed.
pub fn changed_spec<S: Spec>(object: &Object<S>, sets: &[String]) -> Result<Option<NewSpec>> {
    if sets.is_empty() {
        return in_editor(object);
    }
    let mut value = serde_json::to_value(&object.spec).context("the spec cannot be written down")?;
    for text in sets {
        set(&mut value, text)?;
    }
    Ok(Some(NewSpec { value, file: None }))
}

/// Sets one field: `connection.port=2222`. Its value is read as YAML has it.
pub fn set(value: &mut Value, text: &str) -> Result<()> {
    let (path, new) = text
        .split_once('=')
        .filter(|(path, _)| !path.is_empty())
        .with_context(|| format!("{text:?} sets nothing: write FIELD=VALUE, as in connection.port=2222"))?;
    let new = yaml::read(new).with_context(|| format!("the value of {path} makes no sense"))?;
    let mut place = value;
    let mut names: Vec<&str> = path.split('.').collect();
    let last = names.pop().unwrap_or_default();
    for name in names {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        let fields = place.as_object_mut().with_context(|| format!("{path}: there is nothing beneath {name}"))?;
        place = fields.entry(name).or_insert(Value::Null);
    }
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    let fields = place.as_object_mut().with_context(|| format!("{path}: there is no field {last} there"))?;
    fields.insert(last.to_owned(), new);
    Ok(())
}

fn in_editor<S: Spec>(object: &Object<S>) -> Result<Option<NewSpec>> {
    let editor = environment::variable("VISUAL").or_else(|| environment::variable("EDITOR"));
    let editor = editor.context("no editor is set: set EDITOR, or say what to change with --set FIELD=VALUE")?;
    let name = object.spec.name();
    let before = format!(
        "# The {} {name}. What you leave out gets its default; an empty file changes nothing.\n{}",
        S::KIND,
        yaml::write(&yaml::minimal(&object.spec))?
    );
    let mut file = tempfile::Builder::new()
        .prefix("holdfast-")
        .suffix(".yaml")
        .tempfile()
        .context("cannot make a file to edit")?;
    file.write_all(before.as_bytes()).context("cannot write the file to edit")?;
    // As git has it: the variable may have arguments in it.
    let status = Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(file.path()).status();
    let status = status.with_context(|| format!("cannot start the editor {editor}"))?;
    if !status.success() {
        bail!("the editor {editor} failed ({status}); nothing was changed");
    }
    // Editors put another file in its place.
    let mut after = String::new();
    std::fs::File::open(file.path())
        .and_then(|file| file.take(LONGEST).read_to_string(&mut after))
        .context("cannot read what was written")?;
    if after == before {
        return Ok(None);
    }
    let path = file.into_temp_path().keep().context("cannot keep what was written")?;
    let mut spec = NewSpec { value: Value::Null, file: Some(path) };
    spec.value = yaml::read(&after).map_err(|error| spec.kept(error.context("what you wrote is no YAML")))?;
    if spec.value.is_null() {
        spec.taken();
        return Ok(None);
    }
    Ok(Some(spec))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_set_by_its_path_and_its_value_read_as_yaml() {
        let mut value = json!({"connection": {"port": null}, "tags": ["a"], "retention": null});
        for text in
            ["connection.port=2222", "tags=[web, prod]", "retention.daily=7", "description=a=b", "enabled=false"]
        {
            set(&mut value, text).unwrap();
        }
        let expected = json!({
            "connection": {"port": 2222}, "tags": ["web", "prod"], "retention": {"daily": 7}, "description": "a=b",
            "enabled": false,
        });
        assert_eq!(value, expected);
        for text in ["port", "=3", "tags.x=1", "description.x.y=1", "a=[", "enabled=\t{"] {
            let told = crate::failure::sentence(&set(&mut value, text).unwrap_err());
            assert!(!told.contains('\n'), "{told}");
        }
        assert_eq!(value, expected);
    }
}
