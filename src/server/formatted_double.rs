//! Doubles as RESP2 shows them.

/// A double as text, kept for the next one: results of a query often have the score of the one before.
#[derive(Clone, Copy, Default)]
pub struct FormattedDouble {
    bits: u64,
    text: [u8; 24],
    /// Bytes of `text`; 0 if nothing was formatted yet.
    length: usize,
}

impl FormattedDouble {
    /// The shortest decimal that reads back as the same double.
    pub fn new(double: f64) -> FormattedDouble {
        let mut buffer = zmij::Buffer::new();
        let decimal = buffer.format(double);
        let decimal = decimal.strip_suffix(".0").unwrap_or(decimal);
        let mut formatted =
            FormattedDouble { bits: double.to_bits(), length: decimal.len(), ..FormattedDouble::default() };
        formatted.text[..decimal.len()].copy_from_slice(decimal.as_bytes());
        formatted
    }

    /// True if it is the text of this double.
    pub fn is_of(&self, double: f64) -> bool {
        self.length > 0 && self.bits == double.to_bits()
    }

    /// The text.
    pub fn text(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_is_the_shortest_text_that_reads_back() {
        for (double, text) in [(1.0, "1"), (0.0, "0"), (0.75, "0.75"), (1.0 / 3.0, "0.3333333333333333")] {
            let formatted = FormattedDouble::new(double);
            assert_eq!(formatted.text(), text.as_bytes());
            assert!(formatted.is_of(double) && !formatted.is_of(double + 1.0));
        }
        assert!(!FormattedDouble::default().is_of(0.0), "nothing was formatted yet");
    }
}
