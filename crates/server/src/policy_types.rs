//! The types that policies can have, as the model's own schema describes them: a type that is new there is listed here.

use axum::http::StatusCode;
use axum::response::Response;
use holdfast_api::{PolicyType, PolicyTypeList};
use holdfast_model::policy::Work;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::actor::Actor;
use crate::answer;

/// What tells the types apart.
const TAG: &str = "type";

#[utoipa::path(
    get, path = "/api/v1/policy-types", operation_id = "list_policy_types", summary = "List the types of policies",
    description = "What a policy can back up, and with which variables, each as a JSON Schema that stands by itself.",
    responses((status = 200, description = "All of them.", body = PolicyTypeList))
)]
pub(crate) async fn list(_: Actor) -> Response {
    answer::json(StatusCode::OK, &all())
}

/// All types.
pub(crate) fn all() -> PolicyTypeList {
    let mut parts = Vec::new();
    Work::schemas(&mut parts);
    let parts: Map<String, Value> = parts.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut work = json!(Work::schema());
    inline(&mut work, &parts);
    let variants = work["oneOf"].as_array().into_iter().flatten();
    PolicyTypeList { types: variants.filter_map(|variant| of_variant(variant.clone())).collect() }
}

fn of_variant(mut variables: Value) -> Option<PolicyType> {
    let object = variables.as_object_mut()?;
    let description = object.remove("description")?.as_str()?.to_owned();
    let word = object.get_mut("properties")?.as_object_mut()?.remove(TAG)?["enum"][0].clone();
    if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != TAG);
    }
    Some(PolicyType { name: serde_json::from_value(word).ok()?, description, variables })
}

/// Puts what is only named in its place, for outside of the document there is nothing to be named.
fn inline(schema: &mut Value, parts: &Map<String, Value>) {
    let named = schema.get("$ref").and_then(Value::as_str).and_then(|name| parts.get(name.rsplit('/').next()?));
    if let Some(part) = named {
        *schema = part.clone();
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(|field| inline(field, parts)),
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, parts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use holdfast_model::policy::WorkKind;

    use super::*;

    #[test]
    fn each_type_has_its_variables_and_nothing_points_elsewhere() {
        let types = all().types;
        let names: Vec<WorkKind> = types.iter().map(|one| one.name).collect();
        assert_eq!(names, [WorkKind::Folders, WorkKind::Rootfs, WorkKind::Config, WorkKind::Mail]);
        let folders = &types[0].variables;
        assert_eq!((&folders["required"], &folders["additionalProperties"]), (&json!(["paths"]), &json!(false)));
        assert_eq!(folders["properties"]["paths"]["items"]["type"], "string");
        assert!(folders["properties"][TAG].is_null());
        assert_eq!(types[3].variables["properties"].as_object().map_or(0, Map::len), 0, "mail has none");
        assert!(types.iter().all(|one| !one.description.is_empty()));
        assert!(!json!(types).to_string().contains("$ref"));
    }
}
