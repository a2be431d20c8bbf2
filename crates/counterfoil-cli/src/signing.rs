//! What `sign` and `send` have in common: a body, and all that it takes to sign it.

use std::ffi::OsString;
use std::path::PathBuf;

use counterfoil::scheme::{Part, Sender};
use counterfoil::{ConfigError, Signer};
use http::HeaderMap;

use crate::choice::Choice;
use crate::error::Error;
use crate::secrets::SigningSecret;
use crate::{headers, input};

#[derive(clap::Args)]
pub(crate) struct Signing {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    secret: SigningSecret,
    /// The receiver's address exactly as it was given to the sender, for a sender that signs it.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A header that goes along; repeat it for each. It is signed where the sender signs it, as some do with an
    /// id: one that is not given is made of the body.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<OsString>,
    /// The body, or - for stdin.
    #[arg(value_name = "BODYFILE", default_value = "-")]
    body: PathBuf,
}

/// A body, ready to be signed.
pub(crate) struct Signable {
    pub(crate) sender: Sender,
    pub(crate) signer: Signer,
    /// What the user gave.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Signing {
    pub(crate) fn read(&self) -> Result<Signable, Error> {
        let sender = self.choice.sender()?;
        Ok(Signable {
            signer: self.signer(&sender)?,
            sender,
            headers: headers::read(&self.headers)?,
            body: input::body(&self.body)?,
        })
    }

    fn signer(&self, sender: &Sender) -> Result<Signer, Error> {
        let signer = Signer::new(sender, &self.secret.read(sender)?)?;
        let name = || sender.name.clone().into_owned();
        let parts = sender.scheme.hmac().map_or(&[][..], |hmac| &hmac.signed);
        let signs_address = parts.iter().any(|part| matches!(part, Part::Url | Part::Path));
        match (&self.public_url, signs_address) {
            (Some(url), true) => Ok(signer.with_public_url(url)?),
            (None, false) => Ok(signer),
            (None, true) => Err(ConfigError::PublicUrlMissing { sender: name() }.into()),
            (Some(_), false) => Err(ConfigError::SettingUnused { sender: name(), setting: "public_url" }.into()),
        }
    }
}
