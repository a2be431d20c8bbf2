//! The native module of the Python package `counterfoil`: converts, calls the engine, converts back, and decides nothing.
//!
//! Deliveries are verified on the thread that brings them. What has to wait runs on threads of the module's own, none of
//! which ever waits for the interpreter: see `course` and `completion`.

mod answer;
mod clock;
mod completion;
mod convert;
mod course;
mod delivery;
mod errors;
mod file;
mod headers;
mod health;
mod intake;
mod lease;
mod log;
mod outcome;
mod process;
mod receiver;
mod remote;
mod runtime;
mod secret;
mod sender;
mod sign;
mod store;
mod tables;
mod verifier;

#[pyo3::pymodule(name = "_core")]
mod module {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::{
        answer::Answer,
        clock::FixedClock,
        completion::{Completion, Mailbox},
        course::flush,
        delivery::Delivery,
        health::Health,
        intake::Intake,
        lease::{Fence, Lease},
        receiver::Receiver,
        remote::Remote,
        secret::Secret,
        sender::{Sender, load_senders, senders_by_name},
        sign::sign,
        store::{MemoryStore, PostgresStore, RedisStore, SqliteStore},
        tables::Tables,
        verifier::Verifier,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::log::listen();
        crate::convert::prepare(module.py())
    }
}
