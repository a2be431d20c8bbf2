//! Choices out of raw bytes. Where they end, every further choice is the first one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes to choose by.
pub(crate) struct Input<'i> {
    bytes: &'i [u8],
    text: &'i [u8],
}

impl<'i> Input<'i> {
    pub(crate) fn new(bytes: &'i [u8]) -> Self {
        Self { bytes, text: &[] }
    }

    /// The last two bytes say how many before them are choices; in front of those is a text that is taken as it is.
    pub(crate) fn after_text(bytes: &'i [u8]) -> Self {
        let [whole @ .., high, low] = bytes else { return Self::new(bytes) };
        let choices = usize::from(u16::from_be_bytes([*high, *low]) % 1024).min(whole.len());
        let (text, bytes) = whole.split_at(whole.len() - choices);
        Self { bytes, text }
    }

    /// What stands in front of the choices.
    pub(crate) fn text(&self) -> &'i [u8] {
        self.text
    }

    /// At most that many bytes.
    fn take(&mut self, count: usize) -> &'i [u8] {
        let (taken, rest) = self.bytes.split_at(count.min(self.bytes.len()));
        self.bytes = rest;
        taken
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Less than `end`, which is 1 to 65536.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = if end <= 256 { usize::from(self.byte()) } else { self.short() };
        number % end
    }

    fn short(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    pub(crate) fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        let taken = self.take(8);
        bytes[..taken.len()].copy_from_slice(taken);
        u64::from_be_bytes(bytes)
    }

    pub(crate) fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }

    /// Up to 255 bytes, after their number.
    pub(crate) fn chunk(&mut self) -> &'i [u8] {
        let count = usize::from(self.byte());
        self.take(count)
    }

    /// `bytes` with up to three places changed: some removed, some put in.
    pub(crate) fn edited(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut edited = bytes.to_vec();
        for _ in 0..self.below(4) {
            let start = self.below(edited.len().min(65_535) + 1);
            let end = (start + self.below(5)).min(edited.len());
            let count = self.below(9);
            let added = self.take(count).to_vec();
            edited.splice(start..end, added);
        }
        edited
    }

    /// Any instant, most of them within 36 hours of `about`.
    pub(crate) fn instant(&mut self, about: SystemTime) -> SystemTime {
        let kind = self.below(4);
        let number = self.number();
        let distance = match kind {
            0 => Duration::from_nanos(number % 400_000_000_000),
            1 => Duration::from_secs(number % 130_000),
            _ => Duration::from_nanos(number),
        };
        let moved = match (kind, self.flag()) {
            (3, true) => UNIX_EPOCH.checked_add(Duration::from_secs(number)),
            (3, false) => UNIX_EPOCH.checked_sub(Duration::from_secs(number)),
            (_, true) => about.checked_add(distance),
            (_, false) => about.checked_sub(distance),
        };
        moved.unwrap_or(about)
    }
}
