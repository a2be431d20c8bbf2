//! A sender that keeps to what was agreed, at a steady rate, and measures how long it waits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use counterfoil::{Clock as _, SystemClock, time::format_rfc3339};
use reqwest::Client;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::settings::Settings;

pub(crate) const SECRET: &str = "whsec_under_load_0123456789";

/// No sender waits longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a delivery is sent, at most.
const TRIES: u32 = 5;

/// Less than any server keeps a connection that is idle: none is used that is about to be closed.
pub(crate) const IDLE: Duration = Duration::from_secs(2);

/// One delivery.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// When it was to be sent. Waiting begins here, so that a sender that is held up does not hide it.
    pub(crate) due: Instant,
    pub(crate) waited: Duration,
    /// 1 unless it had to be sent again.
    pub(crate) tries: u32,
    /// The last status, or why there is none; and whether it was called a copy.
    pub(crate) answer: Result<(u16, bool), String>,
}

/// The sender, in a thread of its own beside the attackers.
pub(crate) struct Honest {
    log: Arc<Mutex<Vec<Sent>>>,
    stopped: Arc<AtomicBool>,
    /// Each delivery holds it for reading.
    gate: Arc<RwLock<()>>,
    thread: JoinHandle<()>,
}

impl Honest {
    pub(crate) fn start(address: SocketAddr, settings: &Settings) -> Self {
        let (log, stopped, gate) = (Arc::default(), Arc::new(AtomicBool::new(false)), Arc::default());
        let every = Duration::from_secs(1) / settings.rate;
        let sending = send(address, every, Arc::clone(&log), Arc::clone(&stopped), Arc::clone(&gate));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let thread = std::thread::spawn(move || runtime.block_on(sending));
        Self { log, stopped, gate, thread }
    }

    /// Sends nothing while the guard is held, which comes when all that was sent is answered.
    pub(crate) async fn silence(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).write_owned().await
    }

    /// What was to be sent from then on, and has been answered.
    pub(crate) fn since(&self, start: Instant) -> Vec<Sent> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|sent| sent.due >= start).cloned().collect()
    }

    /// Waits for the last answer, and returns all.
    pub(crate) fn stop(self) -> Vec<Sent> {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        Arc::into_inner(self.log).unwrap().into_inner().unwrap()
    }
}

async fn send(
    address: SocketAddr,
    every: Duration,
    log: Arc<Mutex<Vec<Sent>>>,
    stopped: Arc<AtomicBool>,
    gate: Arc<RwLock<()>>,
) {
    let client = Client::builder().no_proxy().http1_only().timeout(PATIENCE).pool_idle_timeout(IDLE).build().unwrap();
    let mut under_way = JoinSet::new();
    let mut due = Instant::now();
    for number in 0.. {
        if stopped.load(Ordering::Relaxed) {
            break;
        }
        sleep_until(due.into()).await;
        let pass = if let Ok(pass) = Arc::clone(&gate).try_read_owned() {
            pass
        } else {
            let pass = Arc::clone(&gate).read_owned().await;
            // Nothing was due in the silence.
            due = Instant::now();
            pass
        };
        let (client, log) = (client.clone(), Arc::clone(&log));
        under_way.spawn(async move {
            let mut tries = 1;
            let mut answer = deliver(&client, address, number).await;
            // As every sender does; a machine that is too busy for its own limits refuses honest deliveries too.
            while matches!(answer, Err(_) | Ok((408 | 503, _))) && tries < TRIES {
                sleep(Duration::from_secs(1)).await;
                tries += 1;
                answer = deliver(&client, address, number).await;
            }
            log.lock().unwrap().push(Sent { due, waited: due.elapsed(), tries, answer });
            drop(pass);
        });
        due += every;
        while under_way.try_join_next().is_some() {}
    }
    under_way.join_all().await;
}

async fn deliver(client: &Client, address: SocketAddr, number: u32) -> Result<(u16, bool), String> {
    let body = event(&format!("evt_{number}"), &format!(r#"{{"id":"ord_{number}","total":850000}}"#));
    let signature = sign(body.as_bytes());
    let request = client.post(format!("http://{address}/webhooks/handl")).header("x-handl-signature", signature);
    let response = request.body(body).send().await.map_err(|error| format!("{error:?}"))?;
    let answer = (response.status().as_u16(), response.headers().contains_key("x-webhook-duplicate"));
    response.bytes().await.map_err(|error| format!("{error:?}"))?;
    Ok(answer)
}

/// An event about an order, written now.
pub(crate) fn event(id: &str, data: &str) -> String {
    let at = format_rfc3339(SystemClock.now()).unwrap();
    format!(r#"{{"id":"{id}","type":"order.created","created_at":"{at}","data":{data}}}"#)
}

pub(crate) fn sign(body: &[u8]) -> String {
    hmac_sha256::HMAC::mac(body, SECRET).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How often the service has applied each event, by its key. Nothing where it does not say so.
pub(crate) async fn applied(address: SocketAddr) -> BTreeMap<String, u64> {
    let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let Ok(response) = client.get(format!("http://{address}/applied")).send().await else { return BTreeMap::new() };
    response.bytes().await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}
