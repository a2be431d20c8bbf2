//! One run: receivers, the sender, somebody who looks at both, and the verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use counterfoil_testkit::{Service, memory};

use crate::law::{History, Sample};
use crate::sender::{Kind, ROUND, Sender};
use crate::service;
use crate::settings::Settings;
use crate::stage::Stage;
use crate::{oracle, report};

/// Between two looks.
const GLANCE: Duration = Duration::from_secs(1);

/// How long the store may take to forget what has expired, once there is little else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs, prints what was measured, and fails unless every law held, and in a measured run every figure.
pub(crate) fn hold() {
    let settings = Settings::from_env();
    let history = play(&settings);
    let missed = report::print(&history, &settings);
    let broken = history.broken();
    assert!(broken.is_empty(), "{} broken: {:?}", broken.len(), &broken[..broken.len().min(20)]);
    assert!(!settings.is_measured || missed.is_empty(), "missed: {missed:?}");
}

fn play(settings: &Settings) -> History {
    let stage = Stage::set(settings.backend);
    let mut services = [0, 1].map(|number| service::start(number, &stage, settings));
    let mut sender = Sender::new(services.each_ref().map(Service::address));
    let looks = Looks::start(&stage, services.each_ref().map(Service::id));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (start, rest) = (Instant::now(), settings.rest());
    runtime.block_on(async {
        sender.send(&ROUND, Duration::from_secs(1) / settings.rate, || start.elapsed() >= settings.time).await;
        // A store forgets after claims, so that there have to be a few.
        let give_up = Instant::now() + settings.retention + PATIENCE;
        sender.send(&[Kind::New], Settings::TRICKLE, || looks.rows() <= rest || Instant::now() > give_up).await;
        sender.finish().await;
    });

    let rows_left = looks.rows();
    let samples = looks.stop();
    let alive = services.each_mut().map(Service::is_alive);
    let stopped = services.each_mut().map(Service::stop);
    let logs: Vec<String> = services.iter().map(Service::log).collect();
    let logs = logs.iter().flat_map(|log| log.lines().map(str::to_owned)).collect();
    let (effects, strangers) = oracle::effects(&stage.effects(), sender.events.len());
    let Sender { events, forged, refused, failures, wrong, waits, .. } = sender;
    History {
        retention: settings.retention,
        events,
        effects,
        strangers,
        forged,
        refused,
        failures,
        wrong,
        waits,
        samples,
        rows_left,
        rest,
        alive,
        stopped,
        logs,
    }
}

/// Looks at the receivers' memory and at the store's rows, in a thread of its own.
struct Looks {
    rows: Arc<AtomicU32>,
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<Vec<Sample>>,
}

impl Looks {
    fn start(stage: &Stage, services: [u32; 2]) -> Self {
        let (rows, is_over) = (Arc::new(AtomicU32::new(u32::MAX)), Arc::new(AtomicBool::new(false)));
        let (seen, over, mut look) = (Arc::clone(&rows), Arc::clone(&is_over), stage.look());
        let start = Instant::now();
        let thread = thread::spawn(move || {
            let mut samples = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let rows = look.rows();
                seen.store(rows, Ordering::Relaxed);
                samples.push(Sample {
                    at: start.elapsed(),
                    memory: services.map(|service| memory(service, "VmRSS:")),
                    rows,
                });
                thread::sleep(GLANCE);
            }
            samples
        });
        Self { rows, is_over, thread }
    }

    /// As they were a moment ago.
    fn rows(&self) -> u32 {
        self.rows.load(Ordering::Relaxed)
    }

    fn stop(self) -> Vec<Sample> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
