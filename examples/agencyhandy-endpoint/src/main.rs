//! `WEBHOOK_ID=wh_1 SECRET=... cargo run -p agencyhandy-endpoint`
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `WEBHOOK_ID`, `SECRET` | the account | |
//! | `PORT` | where to listen on 127.0.0.1; 0 takes a free port | `3001` |
//! | `FAULT` | what to do wrong: `none`, `slow` (5 seconds), `500`, `429`, `broken-json`, `redirect`, `hang`, `close`, `failed-200`, `success-403`, `forbidden` or `endless` | `none` |

use std::convert::Infallible;
use std::future::pending;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use agencyhandy_endpoint::{Endpoint, Fault, PATH, sign};

const FAULTS: [(&str, Fault); 12] = [
    ("none", Fault::None),
    ("slow", Fault::Slow(Duration::from_secs(5))),
    ("500", Fault::ServerError),
    ("429", Fault::TooManyRequests),
    ("broken-json", Fault::BrokenJson),
    ("redirect", Fault::Redirect),
    ("hang", Fault::Hang),
    ("close", Fault::Close),
    ("failed-200", Fault::FailedWith200),
    ("success-403", Fault::SuccessWith403),
    ("forbidden", Fault::OtherForbidden),
    ("endless", Fault::Endless),
];

const EXAMPLE: &str = r#"{"event":"ORDER.UPDATED"}"#;

type BoxError = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await;
    // Where nobody reads the error, the exit code says it.
    let _ = writeln!(std::io::stderr(), "{error}");
    ExitCode::FAILURE
}

/// Serves until the process is ended.
async fn run() -> Result<Infallible, BoxError> {
    let webhook_id = required("WEBHOOK_ID")?;
    let secret = required("SECRET")?;
    let port = var("PORT").map_or(Ok(3001), |port| port.parse()).map_err(|error| format!("PORT: {error}"))?;
    let fault = var("FAULT").map_or(Ok(Fault::None), |name| fault(&name))?;
    let endpoint = Endpoint::bind(port, &webhook_id, &secret).await.map_err(|error| format!("PORT={port}: {error}"))?;
    endpoint.set_fault(fault);
    writeln!(std::io::stdout(), "{}", greeting(&endpoint.url(), &sign(&secret, EXAMPLE.as_bytes())?))?;
    pending().await
}

fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str) -> Result<String, BoxError> {
    var(name).ok_or_else(|| {
        format!("{name} is not set: give WEBHOOK_ID and SECRET, such as WEBHOOK_ID=wh_1 SECRET=not-a-real-one").into()
    })
}

fn fault(name: &str) -> Result<Fault, BoxError> {
    FAULTS.iter().find(|(known, _)| *known == name).map(|(_, fault)| *fault).ok_or_else(|| {
        let names: Vec<_> = FAULTS.iter().map(|(name, _)| *name).collect();
        format!("FAULT={name} is none of {}", names.join(", ")).into()
    })
}

/// The shell puts the account in: the output holds no secret.
fn greeting(url: &str, signature: &str) -> String {
    format!(
        r#"listening on {url}
Signatures are this stand-in's own, not AgencyHandy's. With WEBHOOK_ID and SECRET exported, this one is accepted:
curl -i {url}{PATH} -H 'content-type: application/json' -d '{{"webhookId":"'"$WEBHOOK_ID"'","signature":"{signature}","secret":"'"$SECRET"'","payload":{EXAMPLE}}}'"#
    )
}
