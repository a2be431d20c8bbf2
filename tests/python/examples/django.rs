//! The service on Django.

#[allow(clippy::duplicate_mod, reason = "each example runs all of it")]
#[path = "../../../examples/ledger/interface/mod.rs"]
mod interface;

pub(super) fn program() -> std::process::Command {
    super::service("django-orders", &["-m", "gunicorn", "-c", "python:orders_ledger.gunicorn", "django_orders.wsgi"])
}
