//! One receiver, as a process.

use std::process::Command;

use counterfoil_testkit::Service;

use crate::settings::Settings;
use crate::stage::Stage;

pub(crate) fn start(number: usize, stage: &Stage, settings: &Settings) -> Service {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soak-receiver"));
    command.arg(stage.url()).arg(settings.retention.as_secs().to_string()).arg(stage.effects());
    Service::start(&command, stage.folder().join(format!("{number}.log")))
}
