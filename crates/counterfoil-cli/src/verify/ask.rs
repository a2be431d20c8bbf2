//! Deliveries that only the sender's own endpoint can check.

use std::time::SystemTime;

use counterfoil::Rejection;
use counterfoil::remote::{Concluded, RemoteCheck, RemoteVerifier as _};
use counterfoil_remote::Client;

use super::verdict::Outcome;
use crate::error::Error;

/// Asks under one secret after the other, until the endpoint says yes.
pub(super) fn ask(check: RemoteCheck, insecure_endpoint: Option<&str>, now: SystemTime) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(async {
        let client = match insecure_endpoint {
            Some(url) => Client::builder().insecure_base_url(url).build()?,
            None => Client::new()?,
        };
        let mut check = check;
        loop {
            let verdict = client.ask(check.question()).await;
            match check.conclude(&verdict, now) {
                Concluded::Proven(delivery) => return Ok(Outcome::Valid(delivery)),
                Concluded::Ask(next) => check = next,
                Concluded::Refused(rejection) => return Ok(Outcome::Rejected(rejection)),
                _ => {
                    let reason = "this command does not understand its endpoint's word".into();
                    return Ok(Outcome::Rejected(Rejection::CouldNotVerify { reason }));
                }
            }
        }
    })
}
