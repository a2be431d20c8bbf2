//! The store's operations: one script each, on one key, so that each is one atomic step in one round trip.

use std::sync::LazyLock;

use redis::{Arg, Cmd, ToRedisArgs};

/// A script and its name on the server.
pub(crate) struct Script {
    text: &'static str,
    hash: String,
    writes: bool,
}

macro_rules! script {
    ($file:literal, $writes:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("scripts/row.lua"), include_str!($file)), $writes))
    };
}

pub(crate) static CLAIM: LazyLock<Script> = script!("scripts/claim.lua", true);
pub(crate) static SETTLE: LazyLock<Script> = script!("scripts/settle.lua", true);
pub(crate) static EXTEND: LazyLock<Script> = script!("scripts/extend.lua", true);
pub(crate) static FORGET: LazyLock<Script> = script!("scripts/forget.lua", true);
pub(crate) static GET: LazyLock<Script> = script!("scripts/get.lua", false);

impl Script {
    fn new(text: &'static str, writes: bool) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned(), writes }
    }

    /// Calls the script on the row at `key`.
    pub(crate) fn on(&'static self, key: &str) -> Call {
        let mut command = Cmd::with_capacity(9, 256);
        command.arg("EVALSHA").arg(&self.hash).arg(1).arg(key);
        Call { command, script: Some(self), writes: self.writes }
    }
}

/// A command on its way to the server.
pub(crate) struct Call {
    pub(crate) command: Cmd,
    script: Option<&'static Script>,
    writes: bool,
}

impl Call {
    /// A command that changes nothing.
    pub(crate) fn reading(command: Cmd) -> Self {
        Self { command, script: None, writes: false }
    }

    pub(crate) fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) const fn writes(&self) -> bool {
        self.writes
    }

    /// Puts the script's text in place of its name, for a server that does not have the script. `sent` is the
    /// command as it went out. False where that has been done before.
    pub(crate) fn fill(&mut self, sent: &Cmd) -> bool {
        let Some(script) = self.script.take() else { return false };
        self.command = Cmd::with_capacity(9, script.text.len() + 256);
        self.command.arg("EVAL").arg(script.text);
        for arg in sent.args_iter().skip(2) {
            if let Arg::Simple(bytes) = arg {
                self.command.arg(bytes);
            }
        }
        true
    }
}
