//! What the head of a request presents, decoded.

use std::time::SystemTime;

use crate::scheme::Part;
use crate::signature::{Macs, Tag};
use crate::time::TimestampText;

/// The signatures presented: nearly always one, so that one needs no allocation.
pub(super) struct Tags {
    pub(super) first: Tag,
    pub(super) rest: Vec<Tag>,
}

impl Tags {
    pub(super) fn one(first: Tag) -> Self {
        Self { first, rest: Vec::new() }
    }

    /// Whether any of them is `expected`, in a time that depends on their number alone.
    pub(super) fn contain(&self, expected: &Tag) -> bool {
        let any = self.rest.iter().fold(self.first.matches(expected), |any, tag| any | tag.matches(expected));
        bool::from(any)
    }
}

pub(super) struct Stamp {
    pub(super) text: TimestampText,
    pub(super) at: SystemTime,
}

pub(super) fn feed<'p>(macs: &mut Macs, parts: impl Iterator<Item = &'p Part>, stamp: Option<&Stamp>) {
    for part in parts {
        let bytes = match part {
            Part::Timestamp => stamp.map(|stamp| stamp.text.as_bytes()).unwrap_or_default(),
            Part::Literal(text) => text.as_bytes(),
            Part::Body => continue,
        };
        macs.update(bytes);
    }
}
