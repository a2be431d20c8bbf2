//! What a server says about itself: whether rows are safe on it, and what they survive.

use std::collections::HashMap;

use counterfoil::idempotency::Survives;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value};

use crate::OpenError;
use crate::open::refused;

/// Asks the server. An error where rows would not be safe on it.
pub(crate) async fn inspect(connection: &mut MultiplexedConnection) -> Result<Survives, OpenError> {
    let mut questions = redis::pipe();
    questions.cmd("INFO");
    for setting in ["appendonly", "appendfsync", "no-appendfsync-on-rewrite"] {
        questions.cmd("CONFIG").arg("GET").arg(setting);
    }
    let answers = connection.send_packed_commands(&questions, 0, questions.len()).await.map_err(refused)?;
    let mut answers = answers.into_iter();
    let info = answers.next().unwrap_or_default().extract_error().map_err(refused)?;
    check(&String::from_redis_value(info).map_err(|error| refused(error.into()))?)?;
    Ok(survives(&settings(answers)))
}

/// Reads the lines of `INFO`.
fn check(info: &str) -> Result<(), OpenError> {
    let line = |name: &'static str| {
        let mut values = info.lines().filter_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
        values.next().ok_or(OpenError::Silent { about: name })
    };
    if line("role")? != "master" {
        return Err(OpenError::Replica);
    }
    // Servers that know no clusters do not mention them.
    if line("cluster_enabled").is_ok_and(|enabled| enabled != "0") {
        return Err(OpenError::Cluster);
    }
    match (line("maxmemory")?, line("maxmemory_policy")?) {
        ("0", _) | (_, "noeviction") => Ok(()),
        (_, policy) => Err(OpenError::Evicts { policy: policy.to_owned() }),
    }
}

/// What `CONFIG GET` tells. Nothing where it is not allowed, as on many managed servers.
fn settings(answers: impl Iterator<Item = Value>) -> HashMap<String, String> {
    answers.filter_map(|answer| HashMap::<String, String>::from_redis_value(answer).ok()).flatten().collect()
}

fn survives(settings: &HashMap<String, String>) -> Survives {
    let setting = |name| settings.get(name).map(String::as_str);
    match (setting("appendonly"), setting("appendfsync"), setting("no-appendfsync-on-rewrite")) {
        (Some("yes"), Some("always"), Some("no")) => Survives::PowerLoss,
        (Some("yes"), Some("always" | "everysec"), _) => Survives::ProcessCrash,
        (None, ..) => {
            tracing::warn!(
                target: "counterfoil",
                "the server does not tell how it writes its file: events count as lost when it ends"
            );
            Survives::Nothing
        }
        _ => Survives::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(lines: &[&str]) -> Result<(), OpenError> {
        check(&lines.join("\r\n"))
    }

    #[test]
    fn servers_that_lose_rows_are_refused() {
        assert!(info(&["# Memory", "maxmemory:0", "maxmemory_policy:allkeys-lru", "role:master"]).is_ok());
        assert!(info(&["maxmemory:100", "maxmemory_policy:noeviction", "role:master", "cluster_enabled:0"]).is_ok());
        let evicting = info(&["maxmemory:100", "maxmemory_policy:volatile-ttl", "role:master"]);
        assert!(matches!(evicting, Err(OpenError::Evicts { policy }) if policy == "volatile-ttl"));
        let replica = info(&["role:slave", "maxmemory:0", "maxmemory_policy:noeviction"]);
        assert!(matches!(replica, Err(OpenError::Replica)));
        let cluster = info(&["role:master", "cluster_enabled:1", "maxmemory:0", "maxmemory_policy:noeviction"]);
        assert!(matches!(cluster, Err(OpenError::Cluster)));
        let silent = info(&["role:master", "maxmemory:100"]);
        assert!(matches!(silent, Err(OpenError::Silent { about: "maxmemory_policy" })));
    }

    #[test]
    fn durability_is_never_more_than_the_server_says() {
        let survives = |settings: &[(&str, &str)]| {
            survives(&settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let always = [("appendonly", "yes"), ("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no")];
        assert_eq!(survives(&always), Survives::PowerLoss);
        let not_on_rewrite = [always[0], always[1], ("no-appendfsync-on-rewrite", "yes")];
        assert_eq!(survives(&not_on_rewrite), Survives::ProcessCrash);
        assert_eq!(survives(&always[..2]), Survives::ProcessCrash);
        assert_eq!(survives(&[always[0], ("appendfsync", "everysec")]), Survives::ProcessCrash);
        assert_eq!(survives(&[always[0], ("appendfsync", "no")]), Survives::Nothing);
        assert_eq!(survives(&[("appendonly", "no"), always[1], always[2]]), Survives::Nothing);
        assert_eq!(survives(&[]), Survives::Nothing);
    }
}
