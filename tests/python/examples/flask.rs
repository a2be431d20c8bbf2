//! The service on Flask.

#[allow(clippy::duplicate_mod, reason = "each example runs all of it")]
#[path = "../../../examples/ledger/interface/mod.rs"]
mod interface;

pub(super) fn program() -> std::process::Command {
    super::service("flask-orders", &["-m", "gunicorn", "-c", "python:orders_ledger.gunicorn", "flask_orders:app"])
}
