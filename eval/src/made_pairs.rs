//! Generated pairs of sets of a chosen size and similarity. They have no features in common with other pairs, and so
//! are independent; many pairs of real events share the same features, so that chance moves them all together.

use crate::command::{SCOPE, command, features_clause, found};
use crate::lab::Lab;
use crate::pairs::Pair;
use crate::setting::Setting;
use testkit::Random;

/// The name under which the targets find what was measured on these pairs.
pub const MADE_PAIRS: &str = "made pairs";

struct MadePair {
    similarity: f64,
    sets: [Vec<String>; 2],
}

/// Makes `each` pairs of sets of `size` features for each similarity, records one set of each and classifies the
/// other. The pairs are the same in every run and for every setting.
pub fn visit(
    lab: &Lab,
    setting: &Setting,
    size: usize,
    similarities: &[f64],
    each: usize,
    mut see: impl FnMut(&Pair),
) {
    let mut random = Random::new(size as u64);
    let wanted = similarities.iter().flat_map(|similarity| std::iter::repeat_n(*similarity, each));
    let pairs: Vec<_> = wanted.map(|similarity| make(&mut random, size, similarity)).collect();
    lab.create(setting);
    lab.begin(&format!("made pairs of {size} features with {setting}"), pairs.len());
    let commands = |pair: usize| {
        let [one, other] = &pairs[pair].sets;
        let name = &one[0]; // no other pair has this feature
        let record = command(&["SIM.RECORD", SCOPE, name], features_clause("made", one));
        vec![record, command(&["SIM.CLASSIFY", SCOPE, "LIMIT", "1"], features_clause("made", other))]
    };
    lab.each_step(pairs.len(), commands, |pair, replies| {
        let score = found(&replies[1]).next().map(|(_, score)| score);
        see(&Pair { similarity: pairs[pair].similarity, score, size: size as f64 });
    });
}

/// Two sets of `size` features each, as similar as whole numbers allow.
fn make(random: &mut Random, size: usize, similarity: f64) -> MadePair {
    let shared = (2.0 * size as f64 * similarity / (1.0 + similarity)).round() as usize;
    let mut features = |count| (0..count).map(|_| format!("{:016x}", random.number())).collect::<Vec<_>>();
    let [both, one, other] = [features(shared), features(size - shared), features(size - shared)];
    MadePair {
        similarity: shared as f64 / (2 * size - shared) as f64,
        sets: [[both.clone(), one].concat(), [both, other].concat()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_pair_is_as_similar_as_it_says() {
        for similarity in [0.0, 0.1, 0.5, 0.9, 1.0] {
            let pair = make(&mut Random::new(1), 50, similarity);
            let [one, other] = pair.sets.map(|set| set.into_iter().collect::<HashSet<_>>());
            assert_eq!((one.len(), other.len()), (50, 50));
            let jaccard = one.intersection(&other).count() as f64 / one.union(&other).count() as f64;
            assert_eq!(pair.similarity, jaccard);
            assert!((jaccard - similarity).abs() < 0.02, "{jaccard} for {similarity}");
        }
    }
}
