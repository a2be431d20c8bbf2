//! Settings that cannot work.

use std::error::Error as _;
use std::process::Command;
use std::time::Duration;

use counterfoil::{ConfigError, Receiver, Secret, senders};
use counterfoil_remote::{Client, ClientError};

use crate::shop::{SECRET, WEBHOOK, many, ms};

/// Runs one test of this program again, in a process with another environment.
pub(crate) fn again(test: &str, environment: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env(AGAIN, "1").envs(environment.iter().copied());
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

pub(crate) fn is_again() -> bool {
    std::env::var_os(AGAIN).is_some()
}

const AGAIN: &str = "COUNTERFOIL_TEST_AGAIN";

#[test]
fn t22_nothing_is_asked_unless_a_client_is_given() {
    let builder = || Receiver::builder(senders::AGENCYHANDY).secret(Secret::new(SECRET).unwrap()).webhook_id(WEBHOOK);
    assert!(matches!(builder().build(), Err(ConfigError::RemoteMissing { .. })));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async { Client::new().unwrap() });
    assert!(builder().remote(client.clone()).build().is_ok());
    let checkable = Receiver::builder(senders::HANDL).secret(Secret::new(SECRET).unwrap()).remote(client);
    assert!(matches!(checkable.build(), Err(ConfigError::SettingUnused { setting: "remote", .. })));
}

#[test]
fn a_client_needs_a_runtime() {
    let error = Client::new().unwrap_err();
    assert!(matches!(error, ClientError::NoRuntime), "{error}");
    assert!(error.to_string().contains("tokio runtime"));
}

#[tokio::test]
async fn durations_lie_within_reason() {
    let one = many(1);
    let entries = std::num::NonZeroUsize::MIN;
    let hour = Duration::from_secs(3600);
    let tick = Duration::from_nanos(1);
    for (setting, builder) in [
        ("timeout", Client::builder().timeout(Duration::ZERO)),
        ("timeout", Client::builder().timeout(ms(30_000) + tick)),
        ("timeout", Client::builder().timeout(Duration::MAX)),
        ("breaker", Client::builder().breaker(one, Duration::ZERO)),
        ("breaker", Client::builder().breaker(one, Duration::MAX)),
        ("cache", Client::builder().cache(entries, tick)),
        ("cache", Client::builder().cache(entries, hour + tick)),
    ] {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, ClientError::OutOfRange { setting: named, .. } if named == setting), "{error}");
        assert!(error.to_string().contains(setting) && error.to_string().contains("between 1ms and"), "{error}");
    }
    assert!(Client::builder().timeout(ms(30_000)).breaker(one, hour).cache(entries, hour).build().is_ok());
    let most = std::num::NonZeroUsize::MAX;
    let ends = Client::builder().concurrency(most).rate(many(u32::MAX), many(u32::MAX)).cache(most, ms(1));
    assert!(ends.build().is_ok());
}

#[tokio::test]
async fn addresses_that_cannot_be() {
    let error = Client::builder().insecure_base_url("http://192.168.0.1:3001").build().unwrap_err();
    assert!(matches!(error, ClientError::BadBaseUrl), "{error}");
    let error = Client::builder().proxy("socks5://user:hunter2@proxy.example").build().unwrap_err();
    assert!(matches!(error, ClientError::BadProxy), "{error}");
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[tokio::test]
async fn a_machine_that_trusts_nobody_is_told_what_to_do() {
    if !is_again() {
        let nobody = [("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/dev/null")];
        return again("settings::a_machine_that_trusts_nobody_is_told_what_to_do", &nobody);
    }
    let error = Client::new().unwrap_err();
    assert!(matches!(error, ClientError::Tls { .. }) && error.source().is_some(), "{error:?}");
    let text = error.to_string();
    assert!(["ca-certificates", "SSL_CERT_FILE", "bundled_roots"].iter().all(|way| text.contains(way)), "{text}");
    #[cfg(feature = "bundled-roots")]
    assert!(Client::builder().bundled_roots().build().is_ok());
}
