//! Welch's t-test, as dudect uses it.

/// The hundredths of the samples that are kept, the fastest first: what is slow is slow because it was interrupted.
const KEPT: [usize; 6] = [25, 50, 75, 90, 99, 100];

/// How long one call took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) second: bool,
    pub(crate) nanos: f64,
}

/// The largest |t| between the classes, over all samples and over the fastest of them.
pub(crate) fn strongest(samples: &[Sample]) -> f64 {
    let mut sorted: Vec<f64> = samples.iter().map(|sample| sample.nanos).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let slowest = |hundredths: usize| sorted.get((sorted.len() * hundredths / 100).saturating_sub(1)).copied();
    KEPT.iter().filter_map(|kept| slowest(*kept)).map(|slowest| t(samples, slowest).abs()).fold(0.0, f64::max)
}

/// Welch's t between the samples of both classes that took no longer than `slowest`.
fn t(samples: &[Sample], slowest: f64) -> f64 {
    let mut classes = [Class::default(); 2];
    for Sample { second, nanos } in samples.iter().filter(|sample| sample.nanos <= slowest) {
        classes[usize::from(*second)].add(*nanos);
    }
    let [first, second] = classes;
    let spread = first.spread() + second.spread();
    if spread > 0.0 { (first.mean - second.mean) / spread.sqrt() } else { 0.0 }
}

/// A running mean and variance, after Welford.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Class {
    fn add(&mut self, sample: f64) {
        self.count += 1.0;
        let difference = sample - self.mean;
        self.mean += difference / self.count;
        self.squares += difference * (sample - self.mean);
    }

    /// The variance of the mean.
    fn spread(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { self.squares / (self.count - 1.0) / self.count }
    }
}

/// SplitMix64: enough to toss coins, and the same again from the same seed.
#[derive(Debug)]
pub(crate) struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// From `SEED`, or from what the standard library seeds its maps with.
    pub(crate) fn from_env() -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0));
        Self { seed, state: seed }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() >> 63 == 1
    }

    /// A digit or a letter that is not `byte`: what every kind of credential can hold.
    pub(crate) fn other_than(&mut self, byte: u8) -> u8 {
        loop {
            let other = self.next().to_be_bytes()[0];
            if other != byte && other.is_ascii_alphanumeric() {
                return other;
            }
        }
    }
}
