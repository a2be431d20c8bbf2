//! The senders that a command knows: those of the library, and those of the user's own file.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::OsStringValueParser;
use counterfoil::scheme::Sender;
use counterfoil::senders::{self, SendersError};
use serde::Deserialize;
use toml::Spanned;

/// What a name must have in common with another to be taken for a slip of it: as much as `clap` wants.
const SIMILAR: f64 = 0.7;

/// As many names are proposed at most.
const PROPOSED: usize = 3;

/// Which file the user's own senders are in.
#[derive(clap::Args)]
pub(crate) struct SendersFile {
    /// Know the senders of this TOML file as well as those that `counterfoil senders` lists.
    // As text of any kind: an empty variable is no file, and a path is never empty to the parser.
    #[arg(long = "senders", value_name = "FILE", env = "COUNTERFOIL_SENDERS", value_parser = OsStringValueParser::new())]
    path: Option<OsString>,
}

/// Every sender there is, by where it is from.
pub(crate) struct Known<'p> {
    file: Option<(&'p Path, Vec<Sender>)>,
}

/// Where a sender is from.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'p> {
    BuiltIn,
    Catalogue,
    File(&'p Path),
}

/// Why a sender cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SenderProblem {
    #[error(
        "there is no sender `{name}`{} `counterfoil senders` lists all there are; --senders FILE adds your own",
        propose(nearest)
    )]
    Unknown { name: String, nearest: Vec<String> },
    #[error("cannot read the senders in `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: SendersError },
    #[error("{}: line {line}, sender `{name}`, field `name`: {owner} has a sender of that name already; choose another", path.display())]
    Taken { path: PathBuf, line: usize, name: String, owner: &'static str },
}

impl SendersFile {
    /// The senders of the library and of the file, if one is named. A file with a mistake in any of its senders gives
    /// none at all.
    pub(crate) fn read(&self) -> Result<Known<'_>, SenderProblem> {
        let Some(path) = self.path.as_deref().filter(|path| !path.is_empty()).map(Path::new) else {
            return Ok(Known { file: None });
        };
        let text =
            fs::read_to_string(path).map_err(|source| SenderProblem::Unreadable { path: path.to_owned(), source })?;
        let senders =
            senders::from_toml(&text).map_err(|source| SenderProblem::File { path: path.to_owned(), source })?;
        for sender in &senders {
            if let Some(owner) = owner(&sender.name) {
                let (name, path) = (sender.name.clone().into_owned(), path.to_owned());
                return Err(SenderProblem::Taken { line: line_of(&text, &name), path, name, owner });
            }
        }
        Ok(Known { file: Some((path, senders)) })
    }
}

impl<'p> Known<'p> {
    /// The senders, each group in the order of its source.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (Origin<'p>, &[Sender])> {
        let file = self.file.iter().map(|(path, senders)| (Origin::File(path), &**senders));
        [(Origin::BuiltIn, &senders::ALL[..]), (Origin::Catalogue, senders::catalogue())].into_iter().chain(file)
    }

    pub(crate) fn find(&self, name: &str) -> Result<(Origin<'p>, &Sender), SenderProblem> {
        let mut all = self.groups().flat_map(|(origin, senders)| senders.iter().map(move |sender| (origin, sender)));
        all.find(|(_, sender)| sender.name == name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> SenderProblem {
        let names = self.groups().flat_map(|(_, senders)| senders).map(|sender| &*sender.name);
        let scored = names.map(|known| (strsim::jaro(&name.to_lowercase(), known), known));
        let mut near: Vec<_> = scored.filter(|(score, _)| *score > SIMILAR).collect();
        near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let nearest = near.into_iter().take(PROPOSED).map(|(_, known)| known.to_owned()).collect();
        SenderProblem::Unknown { name: name.to_owned(), nearest }
    }
}

fn owner(name: &str) -> Option<&'static str> {
    let catalogued = || senders::catalogue().iter().any(|sender| sender.name == name);
    match senders::by_name(name) {
        Some(_) => Some("counterfoil itself"),
        None => catalogued().then_some("the catalogue"),
    }
}

/// The line of a sender's name in a file that has been read.
fn line_of(text: &str, name: &str) -> usize {
    #[derive(Deserialize)]
    struct File {
        sender: Vec<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        name: Spanned<String>,
    }
    let senders = toml::from_str::<File>(text).map(|file| file.sender).unwrap_or_default();
    let named = senders.iter().find(|sender| sender.name.get_ref() == name);
    let start = named.map_or(0, |sender| sender.name.span().start);
    text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1
}

fn propose(nearest: &[String]) -> String {
    let quoted: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => ":".to_owned(),
        [one] => format!(": did you mean {one}?"),
        [most @ .., last] => format!(": did you mean {} or {last}?", most.join(", ")),
    }
}
