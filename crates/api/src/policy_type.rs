//! What kinds of work policies can have.

use holdfast_model::policy::WorkKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The types of policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyTypeList {
    /// All of them.
    pub types: Vec<PolicyType>,
}

/// A type of policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyType {
    /// What stands in `work.type` of a policy.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "folders")]
    pub name: WorkKind,
    /// What it backs up.
    pub description: String,
    /// The JSON Schema of what stands in `work` beside the type.
    #[schema(value_type = Object)]
    pub variables: Value,
}
