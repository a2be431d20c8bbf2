//! One run: honest deliveries alone, beside each attack, and alone again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::attack::{Ended, Script};
use crate::honest::{Honest, IDLE, applied};
use crate::law::{Attack, Crowd, History, Phase};
use crate::service::{Example, Service};
use crate::settings::Settings;
use crate::{bombs, heads, report, slow};

/// Between the first connections of two attackers.
const STAGGER: Duration = Duration::from_millis(1);

/// Slow attackers have all come by then, and none has been cut off.
const CROWDED: Duration = Duration::from_secs(8);

/// Attackers have machines of their own: on this one they do not take the processor from others.
const NICENESS: i32 = 19;

/// Runs, prints what was measured, and fails unless every law held, and in a measured run every figure.
pub(crate) fn hold(example: Example) {
    let settings = Settings::from_env();
    settings.allow_files();
    let history = Campaign::start(example, settings).run();
    let missed = report::print(&history, &settings);
    let broken = history.broken();
    assert!(broken.is_empty(), "{}: {} broken:\n{}", example.name(), broken.len(), report::list(&broken));
    assert!(missed.is_empty(), "{} missed: {missed:?}", example.name());
}

struct Campaign {
    settings: Settings,
    service: Service,
    honest: Honest,
    attackers: Runtime,
    phases: Vec<Phase>,
}

impl Campaign {
    fn start(example: Example, settings: Settings) -> Self {
        let service = Service::start(example);
        let honest = Honest::start(service.address, &settings);
        let mut attackers = tokio::runtime::Builder::new_multi_thread();
        attackers.worker_threads(2).enable_all().on_thread_start(|| {
            rustix::process::nice(NICENESS).expect("anybody may be nicer");
        });
        Self { settings, service, honest, attackers: attackers.build().unwrap(), phases: Vec::new() }
    }

    fn run(mut self) -> History {
        let Settings { sockets, long, .. } = self.settings;
        let stretch = self.settings.stretch();
        // The first deliveries open connections and files.
        std::thread::sleep(Duration::from_secs(2));
        self.phase("before", None, stretch, &[], Duration::ZERO);
        let scripts = slow::scripts(self.service.example);
        self.phase("slow", Some(Attack::Slow(sockets)), long.unwrap_or_default(), &scripts, slow::PAUSE);
        self.phase("bombs", Some(Attack::Bombs(bombs::TOGETHER)), stretch, &bombs::scripts(), bombs::PAUSE);
        self.phase("floods of fields", Some(Attack::Heads(sockets)), stretch, &heads::scripts(), heads::PAUSE);
        self.phase("after", None, stretch, &[], Duration::ZERO);

        let is_event = |ended: &Ended| ended.script == bombs::EVENT && ended.status == Some(200);
        let others = usize::from(self.phases.iter().any(|phase| phase.ended.iter().any(is_event)));
        let sent = self.honest.stop();
        let is_alive = self.service.is_alive();
        let applied = self.attackers.block_on(applied(self.service.address));
        let stopped = is_alive && self.service.stop();
        let (example, errors) = (self.service.example, self.service.errors());
        History { example, sent, others, applied, phases: self.phases, is_alive, stopped, errors }
    }

    /// So many attackers at the same time, each of which comes again, after a pause, until the time is over.
    fn phase(
        &mut self,
        name: &'static str,
        attack: Option<Attack>,
        time: Duration,
        scripts: &[Script],
        pause: Duration,
    ) {
        let before = self.service.memory();
        self.service.forget_peak();
        let crowd = matches!(attack, Some(Attack::Slow(_))).then(|| self.crowd(scripts));
        let start = Instant::now();
        let ended = match attack {
            None => {
                std::thread::sleep(time);
                Vec::new()
            }
            Some(attack) => {
                let attackers = (0..attack.sockets())
                    .map(|number| come(number, scripts.to_owned(), self.service.address, start + time, pause));
                self.attackers.block_on(async { attackers.collect::<JoinSet<_>>().join_all().await.concat() })
            }
        };
        let (peak, sent) = (self.service.peak(), self.honest.since(start));
        let again = sent.iter().filter(|sent| sent.tries > 1).count();
        let waits = sent.iter().map(|sent| sent.waited).collect();
        self.phases.push(Phase { name, attack, before, crowd, peak, ended, waits, again });
    }

    /// Slow attackers that come once and hang up before they are cut off, while nobody else is there: on a machine that is
    /// busy, honest deliveries wait for each other and take more memory than they.
    fn crowd(&self, scripts: &[Script]) -> Crowd {
        self.attackers.block_on(async {
            let _silence = self.honest.silence().await;
            // The honest connections end: each that did so later would hide an attacker's.
            sleep(2 * IDLE).await;
            let (address, until) = (self.service.address, Instant::now());
            let (before, files) = (self.service.memory(), self.service.files());
            let attackers =
                (0..self.settings.sockets).map(|number| come(number, scripts.to_owned(), address, until, CROWDED));
            let attackers: JoinSet<_> = attackers.collect();
            sleep(CROWDED).await;
            let open = self.service.files().saturating_sub(files);
            let crowd = Crowd { open, before, bytes: self.service.memory() };
            drop(attackers);
            crowd
        })
    }
}

/// One attacker, from its first connection to its last.
async fn come(number: usize, scripts: Vec<Script>, address: SocketAddr, until: Instant, pause: Duration) -> Vec<Ended> {
    let mut ended = Vec::new();
    sleep(STAGGER * u32::try_from(number).unwrap()).await;
    for script in scripts.iter().cycle().skip(number % scripts.len()) {
        ended.push(script.play(address).await);
        if Instant::now() >= until {
            break;
        }
        sleep(pause).await;
    }
    ended
}
