//! What is alike for all kinds of objects: lists, all that is known of one, changes, removal.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use holdfast_api::Object;
use holdfast_api::client::{ObjectQuery, Resource};
use holdfast_model::object::Kind;

use super::{Session, edit, yaml};
use crate::args::api::{EditArgs, ListArgs, OneArgs, RemoveArgs};
use crate::exit::Exit;
use crate::local_time;
use crate::output::{Table, confirm};

/// A kind of objects, as people see it.
pub trait Shown: Resource {
    /// What stands in lists beside the name.
    const HEADINGS: &'static [&'static str];

    /// The same of one.
    fn cells(object: &Object<Self>) -> Vec<String>;

    /// What the server found out, a line each.
    fn found(object: &Object<Self>) -> Vec<(&'static str, String)>;

    /// What removing one leaves behind, or takes along.
    fn removal(object: &Object<Self>) -> Option<String> {
        let _ = object;
        None
    }
}

impl Session<'_> {
    /// Lists the objects of a kind.
    pub fn show_list<S: Shown>(&self, args: &ListArgs) -> Result<Exit> {
        let query = ObjectQuery {
            tenant: self.tenant,
            enabled: args.enabled,
            tags: args.tags.clone(),
            name_contains: args.name.clone(),
        };
        let objects = self.api.list::<S>(&query)?;
        if self.context.output.is_json() {
            self.context.output.document(&objects)?;
            return Ok(Exit::Done);
        }
        let owners: BTreeSet<_> = objects.iter().map(|object| object.tenant).collect();
        // Who has one tenant needs to read of none.
        let tenants = if owners.len() > 1 && S::KIND != Kind::Tenant { self.tenants()? } else { Vec::new() };
        let mut headings = vec!["Name"];
        headings.extend((!tenants.is_empty()).then_some("Tenant"));
        headings.extend(S::HEADINGS);
        let mut table = Table::new(&headings);
        for object in &objects {
            let mut cells = vec![object.spec.name().to_string()];
            if !tenants.is_empty() {
                let tenant = tenants.iter().find(|tenant| tenant.id == object.tenant);
                cells.push(tenant.map(|tenant| tenant.spec.name.to_string()).unwrap_or_default());
            }
            cells.extend(S::cells(object));
            table.row(cells);
        }
        if !objects.is_empty() {
            self.context.output.lines(&table.lines())?;
        }
        self.context.output.line(count(objects.len(), S::KIND))?;
        Ok(Exit::Done)
    }

    /// Shows all that is known of one; `more` is what this kind has beside it.
    pub fn show_one<S: Shown>(
        &self,
        args: &OneArgs,
        more: impl FnOnce(&Object<S>) -> Result<Vec<String>>,
    ) -> Result<Exit> {
        let object = self.find::<S>(&args.name)?;
        if self.context.output.is_json() {
            self.context.output.document(&object)?;
            return Ok(Exit::Done);
        }
        let changed = format!("{} (revision {})", local_time::show_time(object.modified), object.revision);
        let mut rows = vec![("Id", object.id.to_string()), ("Created", local_time::show_time(object.created))];
        rows.push(("Changed", changed));
        rows.extend(S::found(&object));
        rows.retain(|(_, value)| !value.is_empty());
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &rows {
            for (number, line) in value.lines().enumerate() {
                let name = if number == 0 { name } else { "" };
                self.context.output.result(format!("{name:<width$}  {line}"))?;
            }
        }
        for line in more(&object)? {
            self.context.output.result(line)?;
        }
        self.context.output.result("")?;
        let text = yaml::write(&yaml::minimal(&object.spec))?;
        self.context.output.result(text.trim_end())?;
        Ok(Exit::Done)
    }

    /// Changes one, as the arguments say or in an editor.
    pub fn edit_one<S: Shown>(&self, args: &EditArgs) -> Result<Exit> {
        let object = self.find::<S>(&args.name)?;
        let Some(spec) = edit::changed_spec(&object, &args.sets)? else {
            self.context.output.line("nothing was changed")?;
            return Ok(Exit::Done);
        };
        let replaced = self.api.replace_raw::<S>(object.id, object.revision, spec.value());
        let replaced = replaced.map_err(|error| spec.kept(error.into()))?;
        spec.taken();
        let is_changed = replaced.revision != object.revision;
        self.tell(&replaced, if is_changed { "changed" } else { "is like that already" })
    }

    /// Removes one, after asking.
    pub fn remove_one<S: Shown>(&self, args: &RemoveArgs) -> Result<Exit> {
        let object = self.find::<S>(&args.name)?;
        let (kind, name) = (S::KIND, object.spec.name());
        self.sure(args.yes, &format!("Remove the {kind} {name}?"))?;
        self.api.remove::<S>(object.id, object.revision)?;
        self.context.output.line(format!("{kind} {name} removed"))?;
        if let Some(text) = S::removal(&object) {
            self.context.output.line(text)?;
        }
        Ok(Exit::Done)
    }

    /// Says what became of an object, and shows it to programs.
    pub fn tell<S: Shown>(&self, object: &Object<S>, what: &str) -> Result<Exit> {
        self.context.output.line(format!("{} {} {what}", S::KIND, object.spec.name()))?;
        if self.context.output.is_json() {
            self.context.output.document(object)?;
        }
        Ok(Exit::Done)
    }

    /// Goes on only if somebody said yes, before or now.
    pub fn sure(&self, yes: bool, question: &str) -> Result<()> {
        match yes || self.ask(question, "say --yes")? {
            true => Ok(()),
            false => bail!("nothing was changed"),
        }
    }

    /// Asks; where nobody can answer, says what to do instead.
    pub fn ask(&self, question: &str, otherwise: &str) -> Result<bool> {
        match confirm(question)? {
            Some(answer) => Ok(answer),
            None => bail!("{question} There is nobody to ask: {otherwise}"),
        }
    }
}

/// So many of a kind: `1 policy`, `2 policies`.
pub fn count(number: usize, kind: Kind) -> String {
    let plural = match kind {
        Kind::Repository => "repositories".to_owned(),
        Kind::Policy => "policies".to_owned(),
        other => format!("{other}s"),
    };
    if number == 1 { format!("1 {kind}") } else { format!("{number} {plural}") }
}

/// `yes` or `no`.
pub fn yes_or_no(truth: bool) -> String {
    if truth { "yes" } else { "no" }.to_owned()
}
