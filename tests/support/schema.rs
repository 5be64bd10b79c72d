//! The part of JSON Schema that `docs/network.schema.json` uses.

use serde_json::{Map, Value};

/// Keywords that say nothing about validity.
const NOTES: [&str; 5] = ["$schema", "title", "description", "$defs", "examples"];

/// Why `value` does not fit `schema`, a part of the document `root`; `None` when it does.
///
/// Panics on a keyword that it does not know, so that none goes unchecked.
pub fn misfit(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = schema.as_object().expect("a schema is an object");
    schema.iter().find_map(|(keyword, rule)| keyword_misfit(root, schema, keyword, rule, value))
}

fn keyword_misfit(
    root: &Value,
    schema: &Map<String, Value>,
    keyword: &str,
    rule: &Value,
    value: &Value,
) -> Option<String> {
    let complain = |holds: bool| (!holds).then(|| format!("{keyword} {rule} against {value:.60}"));
    match keyword {
        note if NOTES.contains(&note) => None,
        "$ref" => {
            let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
            misfit(root, root.pointer(pointer).expect("the reference leads somewhere"), value)
        }
        "type" => complain(match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => value.is_u64() || value.is_i64(),
            other => panic!("unknown type {other}"),
        }),
        "const" => complain(rule == value),
        "enum" => complain(rule.as_array().unwrap().contains(value)),
        "minimum" => complain(value.as_f64().is_none_or(|v| v >= rule.as_f64().unwrap())),
        "maximum" => complain(value.as_f64().is_none_or(|v| v <= rule.as_f64().unwrap())),
        "exclusiveMinimum" => complain(value.as_f64().is_none_or(|v| v > rule.as_f64().unwrap())),
        "minItems" => complain(value.as_array().is_none_or(|v| v.len() as u64 >= rule.as_u64().unwrap())),
        "items" => value.as_array()?.iter().find_map(|v| misfit(root, rule, v)),
        "required" => {
            let object = value.as_object()?;
            complain(rule.as_array().unwrap().iter().all(|name| object.contains_key(name.as_str().unwrap())))
        }
        "properties" => {
            let object = value.as_object()?;
            rule.as_object().unwrap().iter().find_map(|(name, rule)| misfit(root, rule, object.get(name)?))
        }
        "additionalProperties" => {
            assert_eq!(rule, &Value::Bool(false));
            let known = schema["properties"].as_object().unwrap();
            complain(value.as_object()?.keys().all(|name| known.contains_key(name)))
        }
        "oneOf" => {
            let fitting = rule.as_array().unwrap().iter().filter(|rule| misfit(root, rule, value).is_none()).count();
            complain(fitting == 1)
        }
        other => panic!("unknown keyword {other}"),
    }
}
