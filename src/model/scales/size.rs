//! Sizes of axes, some of which are known only when the model runs.

/// The size of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Size {
    /// So many elements.
    Known(usize),
    /// Known when the model runs; the same number wherever this symbol stands.
    Symbol(Symbol),
    /// Known when the model runs, and not compared with anything.
    Open,
}

/// A number that is known when the model runs, or the product of a few: their names in order, 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Symbol([u16; 3]);

impl Symbol {
    /// A number of its own; `name` is not 0.
    pub fn new(name: u16) -> Self {
        Self([0, 0, name])
    }

    fn factors(self) -> impl Iterator<Item = u16> {
        self.0.into_iter().filter(|&name| name != 0)
    }

    /// The product of these numbers, in order; `None` for too many, and for none.
    fn product(names: &[u16]) -> Option<Self> {
        let mut all = [0; 3];
        let absent = all.len().checked_sub(names.len()).filter(|_| !names.is_empty())?;
        all[absent..].copy_from_slice(names);
        Some(Self(all))
    }
}

impl Size {
    /// The number, where known.
    pub fn known(self) -> Option<usize> {
        match self {
            Self::Known(n) => Some(n),
            Self::Symbol(_) | Self::Open => None,
        }
    }

    /// The number as a size; open where it is not known.
    pub fn of(n: Option<usize>) -> Self {
        n.map_or(Self::Open, Self::Known)
    }

    /// Whether the sizes are certainly the same.
    pub fn agrees(self, other: Self) -> bool {
        self != Self::Open && self == other
    }
}

/// A shape, as far as it is known.
pub(crate) type Sizes = Vec<Size>;

/// The number of elements of some axes: a number times symbols; `None` where an axis is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Volume {
    /// The known part.
    pub number: usize,
    /// The other factors, sorted.
    pub symbols: Vec<u16>,
}

impl Volume {
    /// One element.
    pub fn one() -> Self {
        Self { number: 1, symbols: vec![] }
    }

    /// The volume of these axes.
    pub fn of(sizes: impl IntoIterator<Item = Size>) -> Option<Self> {
        sizes.into_iter().try_fold(Self::one(), Self::times)
    }

    /// With one more axis.
    pub fn times(mut self, size: Size) -> Option<Self> {
        match size {
            Size::Known(n) => self.number = self.number.checked_mul(n)?,
            Size::Symbol(s) => {
                self.symbols.extend(s.factors());
                self.symbols.sort_unstable();
            }
            Size::Open => return None,
        }
        Some(self)
    }

    /// The quotient, where it is a volume.
    pub fn over(mut self, other: &Self) -> Option<Self> {
        for symbol in &other.symbols {
            let at = self.symbols.iter().position(|s| s == symbol)?;
            self.symbols.remove(at);
        }
        if self.number.checked_rem(other.number)? != 0 {
            return None;
        }
        self.number /= other.number;
        Some(self)
    }

    /// Whether the other has symbols that this has not.
    pub fn lacks(&self, other: &Self) -> bool {
        let count = |of: &Self, s: &u16| of.symbols.iter().filter(|o| *o == s).count();
        other.symbols.iter().any(|s| count(other, s) > count(self, s))
    }

    /// As the size of one axis.
    pub fn size(&self) -> Size {
        match (self.number, Symbol::product(&self.symbols)) {
            (n, None) if self.symbols.is_empty() => Size::Known(n),
            (1, Some(symbol)) => Size::Symbol(symbol),
            _ => Size::Open,
        }
    }
}
