//! The layer: configuration, cheap to clone.

use counterfoil::Receiver;
use tower_layer::Layer;

use crate::Webhook;

/// Puts a [`Receiver`] in front of a service.
#[derive(Debug, Clone)]
#[must_use]
pub struct WebhookLayer {
    receiver: Receiver,
}

impl WebhookLayer {
    /// A layer that admits what `receiver` admits.
    pub fn new(receiver: Receiver) -> Self {
        Self { receiver }
    }
}

impl<S> Layer<S> for WebhookLayer {
    type Service = Webhook<S>;

    fn layer(&self, inner: S) -> Webhook<S> {
        Webhook::new(inner, self.receiver.clone())
    }
}
