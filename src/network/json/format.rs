//! The JSON network format as plain data, version 1; published as `docs/network.schema.json`.

use super::values::{Rows, Values};
use crate::network::{Activation, Role};
use serde::{Deserialize, Deserializer, Serialize};

/// What the member `format` must say.
pub(super) const FORMAT: &str = "synbal-network";
/// What the member `version` must say.
pub(super) const VERSION: u64 = 1;

/// A network file: `inputs` and `layers`, or `units`, `connections` and `weights`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) format: String,
    pub(super) version: u64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) inputs: Option<u32>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) layers: Option<Vec<Layer>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) units: Option<Vec<Units>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) connections: Option<Columns>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) weights: Option<Values>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) constraints: Vec<Vec<Term>>,
}

/// A unit in a constraint: the log-scales times their coefficients add up to zero.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Term {
    pub(super) unit: String,
    pub(super) coefficient: f64,
}

/// A layer that is completely connected to the one before; the last layer is the output.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layer {
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) activation: Activation,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) frozen: bool,
    /// One row for each unit of the layer, one column for each unit of the layer before.
    pub(super) weights: Rows,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) biases: Option<Values>,
}

/// One unit; or `count` units that are alike, named `name.0`, `name.1` and so on.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Units {
    pub(super) name: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u32>,
    pub(super) role: Role,
    #[serde(default = "linear", skip_serializing_if = "is_linear")]
    pub(super) activation: Activation,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) frozen: bool,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<u32>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) state: f64,
}

/// Connections as columns; without `parameters`, connection `k` has weight `k`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Columns {
    pub(super) tails: Vec<u32>,
    pub(super) heads: Vec<u32>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<Vec<u32>>,
}

/// A member that is there has a value: null is no way to leave it out.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn linear() -> Activation {
    Activation::Linear
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_linear(activation: &Activation) -> bool {
    *activation == Activation::Linear
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(state: &f64) -> bool {
    // minus zero is written, so that it comes back
    state.to_bits() == 0
}
