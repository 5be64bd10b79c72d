//! Rewriting the weights of an ONNX file in place: every other byte stays as it is.

use super::lower::OnnxModel;
use super::scales::WeightUse;
use super::tensor::write;
use crate::error::{Error, ErrorKind, Result};
use crate::lowered::Scaling;

/// What rewriting did to the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchReport {
    /// Numbers whose value changed.
    pub changed: u64,
    /// Numbers that became subnormal in their type: they keep fewer digits.
    pub subnormal: u64,
    /// Numbers too small for their type: they became zero, although the exact result is not.
    pub vanished: u64,
    /// Numbers that became zero because they vanish in the limit.
    pub escaped: u64,
}

impl OnnxModel {
    /// The file with its weights multiplied as `scaling` says, and what that did to the numbers.
    ///
    /// Products are computed in double precision and rounded once to the type in which they are stored.
    ///
    /// # Errors
    /// When the scaling belongs to another model, or a weight becomes too large for its type.
    pub fn apply(&self, scaling: &Scaling) -> Result<(Vec<u8>, PatchReport)> {
        let given = [Some(scaling.scales.len()), scaling.direction.as_ref().map(Vec::len)];
        if let Some(n) = given.into_iter().flatten().find(|&n| n != self.free()) {
            let problem = format!("{n} log-scales for {} free ones", self.free());
            let error = Error::new(ErrorKind::Parameter, "scaling", problem, "use a scaling of this model");
            return Err(error.in_file(self.path()));
        }
        let mut bytes = self.bytes().to_vec();
        let mut report = PatchReport::default();
        for one in self.leading() {
            self.rewrite(one, scaling, &mut bytes, &mut report).map_err(|e| e.in_file(self.path()))?;
        }
        Ok((bytes, report))
    }

    fn rewrite(&self, one: &WeightUse, scaling: &Scaling, bytes: &mut [u8], report: &mut PatchReport) -> Result<()> {
        let tensor = &self.tensors()[one.tensor()];
        let mut fault = None;
        one.visit(|element, head, tail| {
            let old = tensor.number(self.bytes(), element);
            let (head, tail) = Self::ports(one, head, tail);
            let multiplier = scaling.multiplier(head, tail);
            let multiplier = if one.reciprocal { multiplier.inverse() } else { multiplier };
            if old == 0.0 || multiplier.is_one() || !old.is_finite() {
                return;
            }
            let new = multiplier.times(old);
            let written = write(bytes, tensor.offset(element), tensor.element, new);
            if !written.stored.is_finite() && fault.is_none() {
                fault = Some((element, new));
            }
            report.changed += u64::from(written.stored != old);
            let size = written.stored.abs();
            match (size == 0.0, multiplier.is_zero()) {
                (true, true) => report.escaped += 1,
                (true, false) => report.vanished += 1,
                (false, _) => report.subnormal += u64::from(size < written.smallest_normal),
            }
        });
        let Some((element, value)) = fault else { return Ok(()) };
        Err(Error::new(
            ErrorKind::Network,
            format!("element {element} of the tensor {:?}", tensor.name),
            format!("it becomes {value:e}, too large for {:?}", tensor.element),
            "store the model in a wider type (float32 or float64) and balance that",
        ))
    }
}
