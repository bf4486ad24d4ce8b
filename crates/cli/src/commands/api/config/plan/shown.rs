//! A plan for people, and for programs.

use anyhow::Result;
use holdfast_model::object::Spec;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Difference, Plan, Steps};
use crate::commands::api::config::document::ACCEPTED;
use crate::commands::api::config::secrets::Missing;
use crate::commands::api::yaml;

/// A plan for programs.
#[derive(Serialize, Default)]
pub struct Report {
    added: Vec<Value>,
    changed: Vec<Value>,
    removed: Vec<Value>,
    missing_secrets: Vec<Value>,
}

impl Report {
    /// With the secrets that are still to be handed over.
    pub fn with_missing(self, missing: &[Missing]) -> Self {
        let item = |one: &Missing| json!({ "name": one.name, "repositories": one.repositories });
        Self { missing_secrets: missing.iter().map(item).collect(), ..self }
    }
}

impl Plan {
    /// The plan as people read it: `+` is added, `~` changed, `-` removed.
    pub fn lines(&self) -> Result<Vec<String>> {
        if self.is_empty() {
            return Ok(vec!["nothing to do: the server is as the file says".to_owned()]);
        }
        let mut lines = Vec::new();
        self.tenants.show(&mut lines)?;
        self.schedules.show(&mut lines)?;
        self.repositories.show(&mut lines)?;
        self.clients.show(&mut lines)?;
        for keys in &self.keys {
            lines.push(format!("~ client {}", keys.name));
            lines.extend(keys.before.iter().filter(|key| !keys.after.contains(key)).map(|key| key_line('-', key)));
            lines.extend(keys.after.iter().filter(|key| !keys.before.contains(key)).map(|key| key_line('+', key)));
        }
        self.policies.show(&mut lines)?;
        if !self.settings.is_empty() {
            lines.push("~ settings".to_owned());
        }
        for difference in self.setting_differences() {
            lines.push(difference.line()?);
        }
        let report = self.report();
        let counts = [(&report.added, "to add"), (&report.changed, "to change"), (&report.removed, "to remove")];
        let counts: Vec<_> = counts.iter().map(|(items, what)| format!("{} {what}", items.len())).collect();
        lines.push(counts.join(", "));
        Ok(lines)
    }

    /// The plan as programs read it.
    pub fn report(&self) -> Report {
        let mut report = Report::default();
        self.tenants.report(&mut report);
        self.schedules.report(&mut report);
        self.repositories.report(&mut report);
        self.clients.report(&mut report);
        for keys in &self.keys {
            let difference =
                Difference { field: ACCEPTED.into(), before: json!(keys.before), after: json!(keys.after) };
            report.changed.push(json!({ "kind": "client", "name": keys.name, "fields": [difference] }));
        }
        self.policies.report(&mut report);
        if !self.settings.is_empty() {
            report.changed.push(json!({ "kind": "settings", "fields": self.setting_differences() }));
        }
        report
    }

    fn setting_differences(&self) -> Vec<Difference> {
        let difference = |(name, after): (&String, &Value)| Difference {
            field: name.clone(),
            before: self.settings_before.get(name).cloned().unwrap_or_default(),
            after: after.clone(),
        };
        self.settings.iter().map(difference).collect()
    }
}

impl<S: Spec> Steps<S> {
    fn show(&self, lines: &mut Vec<String>) -> Result<()> {
        for entry in &self.added {
            lines.push(format!("+ {} {}", S::KIND, entry.spec.name()));
            let text = yaml::write(&yaml::minimal(&entry.spec))?;
            lines.extend(text.lines().map(|line| format!("    {line}")));
            lines.extend(entry.accepted.iter().flatten().map(|key| key_line('+', key)));
        }
        for change in &self.changed {
            lines.push(format!("~ {} {}", S::KIND, change.before.spec.name()));
            for difference in &change.differences {
                lines.push(difference.line()?);
            }
        }
        lines.extend(self.removed.iter().map(|object| format!("- {} {}", S::KIND, object.spec.name())));
        Ok(())
    }

    fn report(&self, report: &mut Report) {
        for entry in &self.added {
            let (name, tenant, spec) = (entry.spec.name(), &entry.tenant, &entry.spec);
            let mut item = json!({ "kind": S::KIND, "name": name, "tenant": tenant, "spec": spec });
            if let Some(keys) = &entry.accepted {
                item[ACCEPTED] = json!(keys);
            }
            report.added.push(item);
        }
        for change in &self.changed {
            let (id, name) = (change.before.id.to_string(), change.before.spec.name());
            report.changed.push(json!({ "kind": S::KIND, "id": id, "name": name, "fields": change.differences }));
        }
        for object in &self.removed {
            report.removed.push(json!({ "kind": S::KIND, "id": object.id.to_string(), "name": object.spec.name() }));
        }
    }
}

impl Difference {
    /// `connection.port: 22 → 2222`
    fn line(&self) -> Result<String> {
        Ok(format!("    {}: {} → {}", self.field, short(&self.before), short(&self.after)))
    }
}

/// A value on one line.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}

fn key_line(sign: char, key: &holdfast_model::client::HostKey) -> String {
    let shown = holdfast_control::fingerprint(key).unwrap_or_else(|| key.to_string());
    let kind = key.as_str().split(' ').next().unwrap_or_default();
    format!("    {sign} host key {kind} {shown}")
}
