//! Which sender a command is about, and how it proves its deliveries.

use counterfoil::scheme::{Check, Sender};

use crate::known::{SenderProblem, SendersFile};

/// The sender that `verify`, `sign` and `send` are about.
#[derive(clap::Args)]
pub(crate) struct Choice {
    /// The sender: a name that `counterfoil senders` lists, or one in the file of --senders.
    #[arg(long, value_name = "NAME")]
    sender: String,
    #[command(flatten)]
    file: SendersFile,
    /// What proves a delivery instead of the sender's own way, for a sender that lets its users choose: bearer,
    /// basic (the secret is USER:PASSWORD), api-key=HEADER or insecure-unsigned.
    #[arg(long, value_name = "CHECK", value_parser = check)]
    check: Option<Check>,
}

impl Choice {
    pub(crate) fn sender(&self) -> Result<Sender, SenderProblem> {
        let known = self.file.read()?;
        let (_, sender) = known.find(&self.sender)?;
        Ok(match &self.check {
            Some(check) => sender.clone().with_check(check.clone()),
            None => sender.clone(),
        })
    }
}

fn check(text: &str) -> Result<Check, &'static str> {
    match (text, text.strip_prefix("api-key=")) {
        ("bearer", _) => Ok(Check::bearer()),
        ("basic", _) => Ok(Check::basic()),
        ("insecure-unsigned", _) => Ok(Check::InsecureUnsigned),
        (_, Some(header)) if http::HeaderName::try_from(header).is_ok() => Ok(Check::api_key(header.to_owned())),
        (_, Some(_)) => Err("`api-key=` is followed by no valid header name"),
        _ => Err("write bearer, basic, api-key=HEADER or insecure-unsigned"),
    }
}
