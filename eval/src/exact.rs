//! Jaccard similarities by brute force, with which the index is compared.

use crate::features::Features;

/// The similarity of each set to each earlier one: row `i` has `i` of them. Rounded to single precision,
/// so that those of ten thousand sets fit into memory.
pub struct Similarities(Vec<Vec<f32>>);

impl Similarities {
    /// Counts for each set the features that it shares with each earlier one, by the list of sets that hold a
    /// feature.
    pub fn of(sets: &[Features]) -> Similarities {
        let features = sets.iter().flatten().max().map_or(0, |most| *most as usize + 1);
        let mut holders = vec![Vec::<u32>::new(); features];
        let mut rows = Vec::with_capacity(sets.len());
        for (number, set) in sets.iter().enumerate() {
            let mut shared = vec![0_u32; number];
            for feature in set {
                let holders = &mut holders[*feature as usize];
                holders.iter().for_each(|holder| shared[*holder as usize] += 1);
                holders.push(number as u32);
            }
            let jaccard = |(earlier, shared): (usize, u32)| {
                let union = set.len() + sets[earlier].len() - shared as usize;
                if union == 0 { 0.0 } else { (f64::from(shared) / union as f64) as f32 }
            };
            rows.push(shared.into_iter().enumerate().map(jaccard).collect());
        }
        Similarities(rows)
    }

    /// The similarities of one set to all earlier ones.
    pub fn to_earlier(&self, set: usize) -> &[f32] {
        &self.0[set]
    }

    /// The `most` nearest earlier sets and their similarities, best first and of equals the earliest first. Sets that
    /// share nothing are left out.
    pub fn nearest(&self, set: usize, most: usize) -> Vec<(usize, f32)> {
        let mut best: Vec<(usize, f32)> = Vec::with_capacity(most + 1);
        for (earlier, &similarity) in self.0[set].iter().enumerate().filter(|(_, s)| **s > 0.0) {
            if best.len() < most || best.last().is_some_and(|last| last.1 < similarity) {
                let rank = best.partition_point(|other| other.1 >= similarity);
                best.insert(rank, (earlier, similarity));
                best.truncate(most);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jaccard_by_hand() {
        let exact = Similarities::of(&[vec![1, 2, 3], vec![2, 3, 4], vec![], vec![1, 2, 3], vec![3]]);
        assert_eq!(exact.to_earlier(1), [0.5]);
        assert_eq!(exact.to_earlier(2), [0.0, 0.0]);
        assert_eq!(exact.to_earlier(3), [1.0, 0.5, 0.0]);
        assert_eq!(exact.nearest(3, 5), [(0, 1.0), (1, 0.5)]);
        assert_eq!(exact.nearest(4, 2), [(0, 1.0 / 3.0), (1, 1.0 / 3.0)]);
    }
}
