//! Exact elimination of ties, frozen units and linear constraints.

use super::Form;
use crate::error::{Error, ErrorKind, Result};
use dashu::base::Abs;
use dashu::rational::RBig;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Collects log-scales and what ties them together.
#[derive(Clone, Debug, Default)]
pub struct ManifoldBuilder {
    /// Union-find over variables; index 0 is the ground, variable v is node v + 1.
    parent: Vec<u32>,
    constraints: Vec<Form>,
    /// Whether a form that has to vanish was rounded.
    rounded: bool,
}

/// Free variables, and every collected log-scale as a linear form in them.
#[derive(Clone, Debug)]
pub struct Manifold {
    free: usize,
    forms: Vec<Form>,
}

/// Coefficients beyond 2 to this power are divided by a power of two, with all of their variable.
const LARGE: f64 = 20.0;

impl ManifoldBuilder {
    /// No variables yet.
    #[must_use]
    pub fn new() -> Self {
        Self { parent: vec![0], ..Self::default() }
    }

    /// Adds a log-scale; returns its index.
    ///
    /// # Panics
    /// Beyond 2^32 - 2 variables.
    pub fn variable(&mut self) -> usize {
        let node = u32::try_from(self.parent.len()).expect("at most 2^32 - 2 variables");
        self.parent.push(node);
        node as usize - 1
    }

    /// Number of log-scales so far.
    #[must_use]
    pub fn variables(&self) -> usize {
        self.parent.len() - 1
    }

    /// Makes two log-scales equal.
    pub fn tie(&mut self, a: usize, b: usize) {
        self.join(a + 1, b + 1);
    }

    /// Fixes a log-scale to zero.
    pub fn freeze(&mut self, a: usize) {
        self.join(0, a + 1);
    }

    /// Whether ties, without the constraints of more terms, fix a log-scale to zero.
    pub fn is_frozen(&mut self, a: usize) -> bool {
        self.find(a + 1) == 0
    }

    /// Requires a linear form to vanish. Forms of one or two terms that tie or freeze are handled as such.
    pub fn require_zero(&mut self, form: &Form) {
        self.rounded |= form.is_rounded();
        match *form.terms() {
            [] => {}
            [(a, _)] => self.freeze(a as usize),
            [(a, p), (b, q)] if p == -q => self.tie(a as usize, b as usize),
            _ => self.constraints.push(form.clone()),
        }
    }

    /// Requires two linear forms to be equal.
    pub fn require_equal(&mut self, a: &Form, b: &Form) {
        // most forms are single log-scales
        if let (&[(v, c)], &[(w, d)]) = (a.terms(), b.terms())
            && c == d
            && !a.is_rounded()
            && !b.is_rounded()
        {
            return self.tie(v as usize, w as usize);
        }
        match (a.terms(), b.terms()) {
            (_, []) if !b.is_rounded() => self.require_zero(a),
            ([], _) if !a.is_rounded() => self.require_zero(b),
            _ => self.require_zero(&a.plus(-1.0, b)),
        }
    }

    /// Eliminates everything, exactly.
    ///
    /// Every free variable is scaled such that all coefficients are exact as `f64`.
    /// Complexity: almost linear in ties; the constraints with three terms or more (or other ratios) by sparse Gaussian
    /// elimination over the rationals.
    ///
    /// # Errors
    /// When a coefficient of the result has no exact `f64`.
    pub fn build(mut self) -> Result<Manifold> {
        let rows = self.constraints.clone();
        let reduced: Vec<Form> = rows.iter().map(|f| self.merge(f)).collect();
        self.rounded |= reduced.iter().any(Form::is_rounded);
        let solved = eliminate(&reduced);
        let variables = self.variables();
        let root: Vec<usize> = (0..variables).map(|v| self.find(v + 1)).collect();
        // the free variable of every root that has one
        let mut index = vec![None; variables + 1];
        let mut free = 0;
        for &r in &root {
            if r != 0 && index[r].is_none() && !solved.contains_key(&(r as u32 - 1)) {
                index[r] = Some(free);
                free += 1;
            }
        }
        let mut denominator: HashMap<u32, RBig> = HashMap::new();
        for row in solved.values() {
            for (variable, coefficient) in row {
                let d = denominator.entry(*variable).or_insert(RBig::ONE);
                let product = d.clone() * coefficient.clone();
                *d *= RBig::from(product.denominator().clone());
            }
        }
        // columns of very large coefficients, on their way through floating point, are divided by a power of two
        let mut largest: HashMap<u32, RBig> = denominator.clone();
        for (variable, coefficient) in solved.values().flatten() {
            let size = (coefficient * &denominator[variable]).abs();
            let most = largest.get_mut(variable).expect("every variable has a denominator");
            if size > *most {
                *most = size;
            }
        }
        for (variable, most) in largest {
            let log = most.to_f64().value().log2().floor();
            if log > LARGE && log < 1000.0 {
                *denominator.get_mut(&variable).expect("a denominator") /= RBig::try_from(log.exp2()).expect("finite");
            }
        }
        let mut forms = Vec::with_capacity(variables);
        for &r in &root {
            let form = match index[r] {
                _ if r == 0 => Form::zero(),
                Some(own) => {
                    let coefficient = denominator.get(&(r as u32 - 1)).map_or(Ok(1.0), exact)?;
                    Form::term(own, coefficient)
                }
                None => {
                    let mut terms = vec![];
                    for (variable, coefficient) in &solved[&(r as u32 - 1)] {
                        let scaled = denominator.get(variable).map_or(coefficient.clone(), |d| coefficient * d);
                        let own = index[*variable as usize + 1].expect("what others are given in is free");
                        terms.push((own as u32, exact(&scaled)?));
                    }
                    Form::from_terms(terms)
                }
            };
            forms.push(form.rounded_if(self.rounded));
        }
        Ok(Manifold { free, forms })
    }

    fn find(&mut self, mut node: usize) -> usize {
        while self.parent[node] as usize != node {
            let up = self.parent[node] as usize;
            self.parent[node] = self.parent[up];
            node = up;
        }
        node
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        // the smaller index is the root, so that the ground stays the root of what is frozen
        self.parent[a.max(b)] = a.min(b) as u32;
    }

    fn merge(&mut self, form: &Form) -> Form {
        let terms = form.terms().iter().filter_map(|&(v, c)| match self.find(v as usize + 1) {
            0 => None,
            root => Some((root as u32 - 1, c)),
        });
        Form::from_terms(terms)
    }
}

impl Manifold {
    /// A manifold of `free` variables without any constraint.
    #[must_use]
    pub fn unconstrained(free: usize) -> Self {
        Self { free, forms: (0..free).map(Form::variable).collect() }
    }

    /// Number of free variables.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free
    }

    /// The log-scale of each collected variable as a form in the free variables.
    #[must_use]
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// A form in the collected variables, rewritten in the free variables.
    ///
    /// # Panics
    /// When the form names a variable that was never collected.
    #[must_use]
    pub fn express(&self, form: &Form) -> Form {
        form.substituted(&self.forms)
    }
}

fn exact(value: &RBig) -> Result<f64> {
    let float = value.to_f64().value();
    if RBig::try_from(float).is_ok_and(|back| &back == value) {
        return Ok(float);
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        "manifold",
        format!("the constraints give the coefficient {value}, which no f64 holds exactly"),
        "use exponents and constraint coefficients with fewer digits",
    ))
}

type Row = BTreeMap<u32, RBig>;

/// Reduced row echelon form of `rows`: pivot variable -> its value as a combination of non-pivot variables.
fn eliminate(rows: &[Form]) -> BTreeMap<u32, Row> {
    let mut solved: BTreeMap<u32, Row> = BTreeMap::new();
    let mut users: HashMap<u32, HashSet<u32>> = HashMap::new();
    for form in rows {
        let mut row = Row::new();
        for &(variable, coefficient) in form.terms() {
            let coefficient = RBig::try_from(coefficient).expect("coefficients are finite");
            match solved.get(&variable) {
                Some(value) => value.iter().for_each(|(w, d)| add(&mut row, *w, &coefficient * d)),
                None => add(&mut row, variable, coefficient),
            }
        }
        // the pivot with the simplest coefficient keeps the numbers small
        let size = |c: &RBig| (c.denominator().clone(), c.numerator().clone().abs());
        let Some((&pivot, _)) = row.iter().min_by_key(|(_, c)| size(c)) else { continue };
        let scale = -row.remove(&pivot).expect("the pivot is in the row");
        for coefficient in row.values_mut() {
            *coefficient /= scale.clone();
        }
        for user in users.remove(&pivot).unwrap_or_default() {
            let target = solved.get_mut(&user).expect("users are solved");
            let factor = target.remove(&pivot).expect("users mention the pivot");
            for (w, d) in &row {
                add(target, *w, &factor * d);
                if target.contains_key(w) {
                    users.entry(*w).or_default().insert(user);
                } else if let Some(set) = users.get_mut(w) {
                    set.remove(&user);
                }
            }
        }
        for w in row.keys() {
            users.entry(*w).or_default().insert(pivot);
        }
        solved.insert(pivot, row);
    }
    solved
}

fn add(row: &mut Row, variable: u32, value: RBig) {
    let sum = row.remove(&variable).unwrap_or(RBig::ZERO) + value;
    if sum != RBig::ZERO {
        row.insert(variable, sum);
    }
}
