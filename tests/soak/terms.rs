//! What the harness and its receivers have agreed on.

/// The sender's secret.
pub(crate) const SECRET: &str = "whsec_in_the_soak_0123456789";

/// Where deliveries go.
pub(crate) const PATH: &str = "/webhooks/handl";

/// The type of an event whose handler fails at its first attempt.
pub(crate) const FAILS_FIRST: &str = "order.late";

/// A line of the file of effects is as long as this. It divides a page, so that no line is torn.
pub(crate) const LINE: usize = 32;
