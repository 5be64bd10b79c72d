//! Numbers of a JSON network file as plain data: written out, or a reference to a tensor elsewhere.

use serde::de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use std::marker::PhantomData;

/// A tensor of a safetensors file, or of the set of such files that an index lists; the file is relative to the JSON file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reference {
    pub(super) file: String,
    pub(super) tensor: String,
}

/// Numbers in the file itself or elsewhere.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Source<T> {
    Inline(T),
    Elsewhere(Reference),
}

/// A vector.
pub(super) type Values = Source<Vec<f64>>;
/// A matrix, row by row.
pub(super) type Rows = Source<Vec<Vec<f64>>>;

// by hand, for a derived untagged enum forgets line, column and what was wrong
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Source<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(ArrayOrObject(PhantomData))
    }
}

struct ArrayOrObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ArrayOrObject<T> {
    type Value = Source<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of numbers, or an object with the members \"file\" and \"tensor\"")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> std::result::Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(access)).map(Source::Inline)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> std::result::Result<Self::Value, A::Error> {
        Reference::deserialize(MapAccessDeserializer::new(access)).map(Source::Elsewhere)
    }
}
