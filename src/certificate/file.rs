//! A certificate: the graph and its enclosures in plain integers, for a checker that trusts nothing but arithmetic.

use super::check::{self, Rejection};
use crate::error::{Error, ErrorKind, Result};
use dashu::integer::IBig;
use std::fmt;

/// Integers that say: these are the connections of a network, these bounds enclose its balanced scales and weights.
///
/// The network is one of degree 1 under a single L_p. Its free units are numbered from 1; 0 is the ground, all of it.
/// As text: `amplitude_one scale_one units links`, then `lo hi` for every unit, then
/// `from to amplitude_low amplitude_high cost_low cost_high` for every link, all decimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Common denominator of amplitudes and costs.
    pub amplitude_one: IBig,
    /// Common denominator of scales.
    pub scale_one: IBig,
    /// Lower and upper bound of `exp(p x)` of every free unit.
    pub units: Vec<(IBig, IBig)>,
    /// The connections.
    pub links: Vec<Link>,
}

/// A connection of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Number of the tail.
    pub from: usize,
    /// Number of the head.
    pub to: usize,
    /// Bounds of the amplitude, the cost as given.
    pub amplitude: (IBig, IBig),
    /// Bounds of the cost of the balanced weight.
    pub cost: (IBig, IBig),
}

impl Certificate {
    /// Does what the proved checker does, in integers: whether the signs enclose the balanced scales, and these the costs.
    ///
    /// This code is not proved; `proofs/checker` is. Complexity: some twenty integer operations a connection.
    ///
    /// # Errors
    /// With the first test that fails.
    pub fn check(&self) -> std::result::Result<(), Rejection> {
        check::check(self)
    }

    /// Reads the text of a certificate.
    ///
    /// # Errors
    /// When it is not made of as many decimal integers as it says.
    pub fn parse(text: &str) -> Result<Self> {
        let fault = |problem: String| {
            let remedy = "give a file that `synbal balance --certificate` wrote";
            Error::new(ErrorKind::Format, "certificate", problem, remedy)
        };
        let blank = |c: char| matches!(c, ' ' | '\n' | '\t' | '\r');
        let mut tokens = text.split(blank).filter(|token| !token.is_empty()).enumerate();
        let mut next = || {
            let (place, token) = tokens.next().ok_or_else(|| fault("it ends too early".into()))?;
            let digits = token.strip_prefix('-').unwrap_or(token);
            let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let wrong = || fault(format!("number {} is no decimal integer: {:.40}", place + 1, token));
            if decimal { token.parse::<IBig>().map_err(|_| wrong()) } else { Err(wrong()) }
        };
        let count = |what: &str, value: IBig| {
            usize::try_from(&value).map_err(|_| fault(format!("{what} {value:.40} is no possible number")))
        };
        let (amplitude_one, scale_one) = (next()?, next()?);
        let (units, links) = (count("the count", next()?)?, count("the count", next()?)?);
        let most = text.len() / 2;
        if units > most || links > most {
            return Err(fault("it ends too early".into()));
        }
        let units = (0..units).map(|_| Ok((next()?, next()?))).collect::<Result<Vec<_>>>()?;
        // a number beyond all units is one of no unit, however large
        let unit = |value: IBig| match usize::try_from(&value) {
            Err(_) if value > IBig::ZERO => Ok(usize::MAX),
            _ => count("the unit", value),
        };
        let mut link = || -> Result<Link> {
            let (from, to) = (unit(next()?)?, unit(next()?)?);
            Ok(Link { from, to, amplitude: (next()?, next()?), cost: (next()?, next()?) })
        };
        let links = (0..links).map(|_| link()).collect::<Result<Vec<_>>>()?;
        if tokens.next().is_some() {
            return Err(fault("it goes on after its last connection".into()));
        }
        Ok(Self { amplitude_one, scale_one, units, links })
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {} {}", self.amplitude_one, self.scale_one, self.units.len(), self.links.len())?;
        for (low, high) in &self.units {
            writeln!(f, "{low} {high}")?;
        }
        for Link { from, to, amplitude, cost } in &self.links {
            writeln!(f, "{from} {to} {} {} {} {}", amplitude.0, amplitude.1, cost.0, cost.1)?;
        }
        Ok(())
    }
}
