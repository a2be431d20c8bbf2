//! One module for each kind of input.

pub(crate) mod differential;
pub(crate) mod event;
pub(crate) mod headers;
pub(crate) mod key;
pub(crate) mod remote;
pub(crate) mod sender_file;
pub(crate) mod signature_header;
pub(crate) mod timestamp;
