//! The service on FastAPI.

#[allow(clippy::duplicate_mod, reason = "each example runs all of it")]
#[path = "../../../examples/ledger/interface/mod.rs"]
pub(super) mod interface;

pub(super) fn program() -> std::process::Command {
    super::service("fastapi-orders", &["-m", "fastapi_orders"])
}
