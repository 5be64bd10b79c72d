//! Small clusters of variables, joined by single connections, whose part of the Hessian is inverted exactly.
//!
//! Depthwise convolutions and factors of batch normalization join a channel to one other channel. Their blocks are diagonal,
//! as far from rank one as a matrix can be.

use crate::solve::pattern::sorted;
use nalgebra::DMatrixViewMut;

/// Most variables of a cluster. Channels of residual networks form stars: one for the stream, one for each of its branches.
pub(super) const LARGEST: u32 = 32;

/// Variables in clusters, most of them alone.
pub(super) struct Clusters {
    /// The variables of one cluster after those of another.
    members: Vec<u32>,
    places: Vec<Place>,
    /// Numbers in the matrices of all clusters.
    numbers: usize,
}

/// Where a variable is.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The first member of its cluster, and how many there are.
    first: u32,
    size: u32,
    /// Its number in the cluster.
    rank: u32,
    /// The beginning of its row in the matrices.
    row: u32,
}

impl Clusters {
    /// Joins the pairs of each group where no cluster gets too large; tells for each whether it is joined.
    pub fn new(variables: usize, groups: &[Vec<[u32; 2]>]) -> (Self, Vec<bool>) {
        let mut forest = Forest { parent: (0..variables as u32).collect(), size: vec![1; variables] };
        let joined = groups.iter().map(|pairs| forest.join(pairs)).collect();
        let root: Vec<u32> = (0..variables as u32).map(|v| forest.root(v)).collect();
        let members = sorted((0..variables as u32).collect(), variables, |&v| root[v as usize]);
        let (mut places, mut numbers, mut first) = (vec![Place::default(); variables], 0, 0);
        for cluster in members.chunk_by(|&a, &b| root[a as usize] == root[b as usize]) {
            let size = cluster.len() as u32;
            for (rank, &v) in (0..).zip(cluster) {
                places[v as usize] = Place { first, size, rank, row: numbers };
                numbers += size;
            }
            first += size;
        }
        (Self { members, places, numbers: numbers as usize }, joined)
    }

    /// Number of variables.
    pub fn variables(&self) -> usize {
        self.places.len()
    }

    /// All variables of the cluster of one.
    pub fn partners(&self, variable: u32) -> &[u32] {
        let Place { first, size, .. } = self.places[variable as usize];
        &self.members[first as usize..(first + size) as usize]
    }

    /// Where the matrices hold what couples two variables of one cluster.
    pub fn position(&self, a: u32, b: u32) -> u32 {
        self.places[a as usize].row + self.places[b as usize].rank
    }

    /// The inverses of matrices with this diagonal, from which couplings are taken on both sides of it. Rows and columns with
    /// nothing on the diagonal are zero; where rounding keeps a matrix from being inverted, its couplings are left out.
    pub fn inverse(&self, diagonal: &[f64], couplings: impl Iterator<Item = ([u32; 2], f64)>) -> Vec<f64> {
        // most networks have no such blocks
        if self.numbers == diagonal.len() {
            return diagonal.iter().map(|&d| if d > 0.0 { d.recip() } else { 0.0 }).collect();
        }
        let scale: Vec<f64> = diagonal.iter().map(|&d| if d > 0.0 { d.sqrt().recip() } else { 0.0 }).collect();
        let mut values = vec![0.0; self.numbers];
        for ([a, b], coupling) in couplings {
            let scaled = coupling * scale[a as usize] * scale[b as usize];
            values[self.position(a, b) as usize] -= scaled;
            values[self.position(b, a) as usize] -= scaled;
        }
        for place in &self.places {
            values[(place.row + place.rank) as usize] += 1.0;
            if place.rank + 1 == place.size {
                let cluster = &self.members[place.first as usize..][..place.size as usize];
                let end = (place.row + place.size) as usize;
                invert(&mut values[end - cluster.len() * cluster.len()..end], cluster, &scale);
            }
        }
        values
    }

    /// Multiplies the rows and the columns of all these matrices with the factors of their variables.
    pub fn scale(&self, values: &mut [f64], factor: &[f64]) {
        for (place, own) in self.places.iter().zip(factor) {
            let members = &self.members[place.first as usize..(place.first + place.size) as usize];
            let row = &mut values[place.row as usize..(place.row + place.size) as usize];
            row.iter_mut().zip(members).for_each(|(value, &v)| *value *= own * factor[v as usize]);
        }
    }

    /// The product of all these matrices with a vector.
    pub fn apply(&self, values: &[f64], y: &[f64]) -> Vec<f64> {
        if self.numbers == y.len() {
            return values.iter().zip(y).map(|(x, y)| x * y).collect();
        }
        let product = |place: &Place| {
            let own = &values[place.row as usize..(place.row + place.size) as usize];
            let members = &self.members[place.first as usize..(place.first + place.size) as usize];
            own.iter().zip(members).map(|(x, &v)| x * y[v as usize]).sum()
        };
        self.places.iter().map(product).collect()
    }
}

/// Inverts the matrix of a cluster, whose numbers are those of the Hessian times the scales of both variables.
fn invert(own: &mut [f64], cluster: &[u32], scale: &[f64]) {
    let size = cluster.len();
    let done = match own {
        // most by far
        [own] => {
            *own = own.recip();
            true
        }
        _ => DMatrixViewMut::from_slice(own, size, size).try_inverse_mut(),
    };
    let definite = own.iter().step_by(size + 1).all(|x| *x > 0.0) && own.iter().all(|x| x.is_finite());
    if !(done && definite) {
        own.iter_mut().enumerate().for_each(|(k, x)| *x = f64::from(u8::from(k % (size + 1) == 0)));
    }
    for (row, a) in own.chunks_exact_mut(size).zip(cluster) {
        row.iter_mut().zip(cluster).for_each(|(x, b)| *x *= scale[*a as usize] * scale[*b as usize]);
    }
}

/// Trees of variables whose smaller one hangs from the root of the larger, so that a join can be taken back.
struct Forest {
    parent: Vec<u32>,
    size: Vec<u32>,
}

impl Forest {
    fn root(&self, mut v: u32) -> u32 {
        while self.parent[v as usize] != v {
            v = self.parent[v as usize];
        }
        v
    }

    /// Joins all pairs, or none where a tree would get too large.
    fn join(&mut self, pairs: &[[u32; 2]]) -> bool {
        let mut done = vec![];
        for pair in pairs {
            let [a, b] = pair.map(|v| self.root(v));
            let (small, large) = if self.size[a as usize] < self.size[b as usize] { (a, b) } else { (b, a) };
            if a == b {
                continue;
            }
            if self.size[a as usize] + self.size[b as usize] > LARGEST {
                for (small, large) in done.into_iter().rev() {
                    self.parent[small as usize] = small;
                    self.size[large as usize] -= self.size[small as usize];
                }
                return false;
            }
            self.parent[small as usize] = large;
            self.size[large as usize] += self.size[small as usize];
            done.push((small, large));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck_macros::quickcheck;

    /// The diagonal exceeds the sum of all couplings of a variable, if by little; every seventh variable has none.
    #[quickcheck]
    fn the_inverse_of_what_is_joined_undoes_it_and_other_groups_are_left_out(groups: Vec<Vec<(u8, u8)>>) {
        const N: usize = 100;
        let pairs: Vec<Vec<[u32; 2]>> = groups
            .iter()
            .map(|g| g.iter().map(|&(a, b)| [u32::from(a) % N as u32, u32::from(b) % N as u32]).collect())
            .collect();
        let (clusters, joined) = Clusters::new(N, &pairs);
        assert!((0..N as u32).all(|v| clusters.partners(v).len() <= LARGEST as usize));
        let kept: Vec<([u32; 2], f64)> = pairs
            .iter()
            .zip(&joined)
            .filter(|(_, joined)| **joined)
            .flat_map(|(group, _)| group.iter().zip(1..).map(|(&pair, k)| (pair, 1.0 / f64::from(k))))
            .collect();
        let mut diagonal: Vec<f64> = (0..N).map(|v| if v % 7 == 0 { 0.0 } else { 1e-3 * v as f64 }).collect();
        for &([a, b], coupling) in &kept {
            [a, b].iter().filter(|v| **v % 7 > 0).for_each(|&v| diagonal[v as usize] += coupling);
        }
        let inverse = clusters.inverse(&diagonal, kept.iter().copied());
        let x: Vec<f64> = (0..N).map(|v| if v % 7 == 0 { 0.0 } else { (v as f64).sin() }).collect();
        let mut image: Vec<f64> = x.iter().zip(&diagonal).map(|(x, d)| x * d).collect();
        for &([a, b], coupling) in kept.iter().filter(|([a, b], _)| a % 7 > 0 && b % 7 > 0) {
            image[a as usize] -= coupling * x[b as usize];
            image[b as usize] -= coupling * x[a as usize];
        }
        for (v, (a, b)) in clusters.apply(&inverse, &image).iter().zip(&x).enumerate() {
            assert!((a - b).abs() <= 1e-8, "variable {v}: {a} instead of {b}");
        }
    }

    #[test]
    fn a_group_that_would_make_a_cluster_too_large_is_left_out_whole() {
        let chain: Vec<[u32; 2]> = (0..LARGEST).map(|v| [v, v + 1]).collect();
        let (clusters, joined) = Clusters::new(LARGEST as usize + 1, &[vec![[3, 4]], chain, vec![[4, 5]]]);
        assert_eq!(joined, [true, false, true]);
        assert_eq!(clusters.partners(3), [3, 4, 5]);
        assert_eq!(clusters.partners(0), [0]);
    }
}
