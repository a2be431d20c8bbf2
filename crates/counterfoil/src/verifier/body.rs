//! A body as it arrives.

use bytes::{Bytes, BytesMut};

/// The body so far. One frame, the usual case, is kept without a copy.
pub(super) enum Body {
    Empty,
    One(Bytes),
    Many(BytesMut),
}

impl Body {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(frame) => frame.len(),
            Self::Many(frames) => frames.len(),
        }
    }

    pub(super) fn push(&mut self, frame: Bytes) {
        if frame.is_empty() {
            return;
        }
        *self = match std::mem::replace(self, Self::Empty) {
            Self::Empty => Self::One(frame),
            Self::One(first) => {
                let mut frames = BytesMut::from(first);
                frames.extend_from_slice(&frame);
                Self::Many(frames)
            }
            Self::Many(mut frames) => {
                frames.extend_from_slice(&frame);
                Self::Many(frames)
            }
        };
    }

    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::One(frame) => frame,
            Self::Many(frames) => frames.freeze(),
        }
    }
}
