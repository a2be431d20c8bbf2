//! One run: honest deliveries alone, beside each attack, and alone again.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::attack::{Ended, Script};
use crate::honest::{Honest, applied};
use crate::law::{Attack, History, Phase};
use crate::service::{Example, Service};
use crate::settings::Settings;
use crate::{bombs, heads, report, slow};

/// Between the first connections of two attackers.
const STAGGER: Duration = Duration::from_millis(1);

/// Attackers have machines of their own: on this one they do not take the processor from others.
const NICENESS: i32 = 19;

/// Runs, prints what was measured, and fails unless every law held.
pub(crate) fn hold(example: Example) {
    let settings = Settings::from_env();
    settings.allow_files();
    let history = Campaign::start(example, settings).run();
    report::print(&history, &settings);
    let broken = history.broken();
    assert!(broken.is_empty(), "{}: {} broken:\n{}", example.name(), broken.len(), report::list(&broken));
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
        let start = Instant::now();
        let before = self.service.memory();
        self.service.forget_peak();
        let ended = match attack {
            None => {
                std::thread::sleep(time);
                Vec::new()
            }
            Some(attack) => {
                let address = self.service.address;
                let attackers = (0..attack.sockets()).map(|number| {
                    let scripts = scripts.to_owned();
                    async move {
                        let mut ended: Vec<Ended> = Vec::new();
                        sleep(STAGGER * u32::try_from(number).unwrap()).await;
                        for script in scripts.iter().cycle().skip(number % scripts.len()) {
                            ended.push(script.play(address).await);
                            if start.elapsed() >= time {
                                break;
                            }
                            sleep(pause).await;
                        }
                        ended
                    }
                });
                self.attackers.block_on(async { attackers.collect::<JoinSet<_>>().join_all().await.concat() })
            }
        };
        let (peak, sent) = (self.service.peak(), self.honest.since(start));
        let again = sent.iter().filter(|sent| sent.tries > 1).count();
        let waits = sent.iter().map(|sent| sent.waited).collect();
        self.phases.push(Phase { name, attack, before, peak, ended, waits, again });
    }
}
