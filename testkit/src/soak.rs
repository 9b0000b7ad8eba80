//! The length of a test's run: seconds as one of `make test`, minutes as one of `make soak`.

/// The number of times to try something: `soak` if the environment variable SIMILE_SOAK is set, else `ordinary`.
pub fn amount(ordinary: usize, soak: usize) -> usize {
    if std::env::var_os("SIMILE_SOAK").is_some() { soak } else { ordinary }
}

/// Prints a figure. At its end, `make soak` prints the sum of all figures of the same name.
pub fn figure(number: usize, what: &str) {
    println!("figure: {number} {what}");
}
