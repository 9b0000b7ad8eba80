//! Selection without branches.

/// Collects the numbers whose answer is true in `scratch`, which must have room for all numbers, and returns
/// them. It does not branch on the answers: they come from cache misses, and a mispredicted branch would keep
/// the processor from issuing the loads that follow.
pub fn select_branchless(answers: impl Iterator<Item = (usize, bool)>, scratch: &mut [usize]) -> &[usize] {
    let mut selected = 0;
    for (number, answer) in answers {
        // Write every number, and let the next one overwrite it unless it is selected.
        scratch[selected] = number;
        selected += usize::from(answer);
    }
    &scratch[..selected]
}

#[cfg(test)]
mod tests {
    use super::select_branchless;

    #[test]
    fn selects_the_numbers_whose_answer_is_true_in_order() {
        let answers = [(4, true), (5, false), (6, true), (7, true), (8, false)];
        let mut scratch = [0; 5];
        assert_eq!(select_branchless(answers.into_iter(), &mut scratch), [4, 6, 7]);
        assert_eq!(select_branchless(std::iter::empty(), &mut []), [0; 0]);
    }
}
