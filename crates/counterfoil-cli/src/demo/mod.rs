//! `counterfoil demo`: every promise shown on a real receiver, with a real store, killed in the middle.

mod events;
mod fault;
mod report;
mod server;

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use agencyhandy_endpoint::Fault;
use counterfoil::receiver::DUPLICATE_HEADER;
use counterfoil::{Clock as _, Rejection, SignError, SystemClock};
use http::HeaderMap;
use indicatif::ProgressBar;
use reqwest::{Client, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

pub(crate) use server::DemoServer;

use crate::error::Error;
use crate::output;
use events::{Event, Player};
use report::{Report, Row};
use server::{Home, Server};

/// Copies of one event that arrive at once.
const COPIES: usize = 64;
/// Events of each sender in the storm, and how many deliveries are under way at once.
const STORM: usize = 60;
const STORM_AT_ONCE: usize = 32;
/// A redelivery is tried this long: the lease of a killed process has to pass first.
const PATIENCE: Duration = Duration::from_secs(30);
/// Older than any sender's window.
const STALE: Duration = Duration::from_secs(3 * 86_400);
/// One byte more than a receiver reads by default.
const OVERSIZE: usize = counterfoil::receiver::DEFAULT_BODY_LIMIT + 1;

/// Show every promise on a real receiver
///
/// Starts the axum example on a SQLite store in a temporary folder, on a free port, and plays every sender
/// against it: first deliveries, 64 copies at once, a retry after a failing handler, hostile requests, a sender's
/// endpoint that fails (a stand-in, since no vendor is asked), and a storm in the middle of which the server is stopped with SIGKILL, restarted on the same files, and sent
/// everything again. Counts what the handlers did by the example's own tables, and ends with exit code 1 if
/// anything differs from the promise. Needs no set-up, and nothing outside this machine.
///
/// With the URL of a PostgreSQL or Redis server in the environment variable STORE the example keeps its events
/// there. With PostgreSQL its tables are there too, in the schema axum_orders, and each event is completed in the
/// transaction that applies it. What a demo has written stays there; the next one plays events of its own.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Demo {
    /// Leave the server running at the end and print curl lines to try.
    #[arg(long)]
    keep: bool,
    /// Print the rows as one JSON object.
    #[arg(long, conflicts_with = "keep")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil demo
  counterfoil demo --keep     then try the printed curl lines in another terminal
  STORE=postgres://USER:PASSWORD@HOST/DATABASE counterfoil demo
  STORE=redis://HOST counterfoil demo

Exit codes: 0 every promise held, 1 one did not, 2 the demo could not run";

/// What keeps the demo from running.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("the demo's server did not start: {said}")]
    NoStart { said: String },
    /// Said by the server itself, to its log.
    #[error(transparent)]
    Server(axum_orders::BoxError),
    #[error("the demo's server did not answer")]
    Http(#[from] reqwest::Error),
    #[error("the demo's files cannot be used")]
    File(#[from] io::Error),
    #[error("the demo cannot reach into the example's tables")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the demo cannot reach into the example's tables")]
    Postgres(#[from] sqlx::Error),
    #[error("the demo has no events for sender `{sender}`")]
    NoTemplate { sender: String },
    #[error("the demo's own event is not one")]
    Event(#[from] Rejection),
    #[error("the demo's own event cannot be signed")]
    Sign(#[from] SignError),
}

impl Demo {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Runtime)?;
        runtime.block_on(self.play())
    }

    async fn play(self) -> Result<ExitCode, Error> {
        let began = Instant::now();
        // Fixed, so that the lines of `--keep` can be tried again; it guards a receiver on loopback.
        let secret = "demo_secret_of_the_counterfoil_demo";
        let stage = Arc::new(Stage {
            players: Player::all(secret)?.into_iter().map(Arc::new).collect(),
            client: Client::builder()
                .timeout(Duration::from_secs(10))
                .redirect(reqwest::redirect::Policy::none())
                // Nothing leaves this machine: neither proxies nor certificates have a part in it.
                .no_proxy()
                .tls_certs_only([])
                .build()?,
            home: Home::new(secret).await.map_err(DemoError::File)?,
            run: format!("{:08x}", RandomState::new().hash_one(()) >> 32),
            bar: output::spinner("{msg}"),
        });
        let mut rows = Vec::new();
        stage.say("starting the receiver");
        let server = stage.home.start().await?;
        for player in &stage.players {
            stage.say(&format!(
                "{}: one delivery, {COPIES} copies, a failing handler, hostile requests",
                player.sender.title
            ));
            rows.push(stage.once(&server, player).await?);
            rows.push(stage.copies(&server, player).await?);
            rows.push(stage.failing(&server, player).await?);
            rows.push(stage.hostile(&server, player).await?);
            if player.is_asked() {
                rows.push(stage.asked(&server, player).await?);
            }
        }
        stage.say("a storm, and SIGKILL in the middle of it");
        let (server, storm) = stage.clone().storm(server).await?;
        rows.extend(storm);
        stage.bar.finish_and_clear();
        let report = Report::new(rows, began.elapsed());
        output::line(&if self.json { output::json(&report)? } else { report.to_text() })?;
        if self.keep {
            stage.keep(&server).await?;
        }
        Ok(ExitCode::from(u8::from(!report.held())))
    }
}

/// What every scene needs.
struct Stage {
    players: Vec<Arc<Player>>,
    client: Client,
    home: Home,
    /// In every id of this run: a store that outlives it has seen those of others.
    run: String,
    bar: ProgressBar,
}

/// What the table shows where there was no answer.
const NO_ANSWER: &str = "no answer";

/// One answer, as the table shows it.
type Seen = String;

impl Stage {
    fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// The id of the record that a scene is about.
    fn id(&self, scene: &str) -> String {
        format!("{}-{scene}", self.run)
    }

    /// A new event of each type, delivered once.
    async fn once(&self, server: &Server, player: &Player) -> Result<Row, DemoError> {
        let types = player.event_types();
        let mut events = Vec::new();
        let mut answers = Vec::new();
        for number in 0..types.len() {
            let event = player.event(number, &self.id(&format!("once-{number}")), now())?;
            answers.push(self.deliver(server, player, &event).await?);
            events.push(event);
        }
        let events: Vec<&Event> = events.iter().collect();
        let row = self.row(server, player, &events, &types.join(", "), answers).await?;
        let count = events.len();
        Ok(row.expect(&[(count, "200")]).runs(count).applied(count))
    }

    /// Many copies of a new event, all at once.
    async fn copies(&self, server: &Server, player: &Arc<Player>) -> Result<Row, DemoError> {
        let event = player.event(0, &self.id("copies-1"), now())?;
        let headers = player.sign(&event)?;
        let url = server.url(&path(player));
        let mut requests = JoinSet::new();
        for _ in 0..COPIES {
            let request = self.client.post(&url).headers(headers.clone()).body(event.body.clone());
            requests.spawn(async move { seen(request.send().await).await });
        }
        let answers = requests.join_all().await;
        let row = self.row(server, player, &[&event], &format!("{COPIES} copies at once"), answers).await?;
        Ok(row.expect(&[(1, "200"), (COPIES - 1, "200 duplicate")]).runs(1).applied(1))
    }

    /// A new event whose effect fails at first, and the sender's retry.
    async fn failing(&self, server: &Server, player: &Player) -> Result<Row, DemoError> {
        let event = player.event(1, &self.id("failing-1"), now())?;
        let tables = self.home.tables();
        tables.break_for(event.key).await?;
        let first = self.deliver(server, player, &event).await;
        tables.mend(event.key).await?;
        let answers = vec![first?, self.deliver(server, player, &event).await?];
        let row = self.row(server, player, &[&event], "handler fails, then a retry", answers).await?;
        Ok(row.expect(&[(1, "500"), (1, "200")]).runs(2).applied(1))
    }

    /// A delivery whose sender's endpoint fails at first, and the same event written in other ways.
    async fn asked(&self, server: &Server, player: &Player) -> Result<Row, DemoError> {
        let event = player.event(0, &self.id("asked-1"), now())?;
        let headers = player.sign(&event)?;
        let spaced = event.body.replace(':', " : ");
        let escaped = event.body.replacen("asked", "\\u0061sked", 1);
        let endpoint = &self.home.endpoint;
        endpoint.set_fault(Fault::ServerError);
        let mut answers = vec![self.deliver(server, player, &event).await?];
        endpoint.set_fault(Fault::None);
        for body in [event.body.clone(), event.body.clone(), spaced, escaped] {
            answers.push(self.post(server, player, headers.clone(), body).await);
        }
        let what = "its endpoint fails, then a retry; white space, escapes";
        let row = self.row(server, player, &[&event], what, answers).await?;
        Ok(row.expect(&[(1, "503 could_not_verify"), (1, "200"), (3, "200 duplicate")]).runs(1).applied(1))
    }

    /// What must be refused, and must not reach a handler.
    async fn hostile(&self, server: &Server, player: &Player) -> Result<Row, DemoError> {
        let event = player.event(0, &self.id("hostile-1"), now())?;
        let stale = player.event(0, &self.id("hostile-2"), event.at - STALE)?;
        let mut requests = vec![
            (player.sign(&event)?, event.body.replacen("hostile-1", "hostile-3", 1)),
            (player.forge(&event)?, event.body.clone()),
            (player.sign_body("\u{1}garbage", event.at)?, "\u{1}garbage".to_owned()),
        ];
        let mut refusals =
            vec![(2, "401 signature_mismatch"), (1, "413 body_too_large"), (1, "400 body_not_an_object")];
        let mut what = "tampered, wrong secret, oversize, garbage".to_owned();
        // A sender that signs no time has none that could be too old.
        if !player.is_asked() {
            requests.push((player.sign(&stale)?, stale.body.clone()));
            refusals.push((1, "401 timestamp_stale"));
            what += ", stale";
        }
        let before = server.counts(&self.client, "/runs").await?;
        let mut answers = Vec::new();
        for (headers, body) in requests {
            answers.push(self.post(server, player, headers, body).await);
        }
        answers.push(announce(server, player, &player.sign(&event)?).await.unwrap_or_else(|_| NO_ANSWER.to_owned()));
        let after = server.counts(&self.client, "/runs").await?;
        let mut row = self.row(server, player, &[&event, &stale], &what, answers).await?;
        row.runs = after.values().sum::<usize>() - before.values().sum::<usize>();
        Ok(row.expect(&refusals).runs(0).applied(0))
    }

    /// New events from every sender, the server killed in the middle, and everything sent again.
    async fn storm(self: Arc<Self>, server: Server) -> Result<(Server, Vec<Row>), DemoError> {
        let mut deliveries = Vec::new();
        for index in 0..STORM {
            for player in &self.players {
                deliveries.push((player.clone(), player.event(index, &self.id(&format!("storm-{index}")), now())?));
            }
        }
        let deliveries = Arc::new(deliveries);
        let everything: Vec<usize> = (0..deliveries.len()).collect();
        let acked = Arc::new(AtomicUsize::new(0));
        let sending = self.clone().send(server.url(""), deliveries.clone(), everything.clone(), acked.clone());
        let sending = tokio::spawn(sending);
        // A third answered, some under way, the rest to come: as much in the middle as can be.
        while acked.load(Ordering::Relaxed) < deliveries.len() / 3 && !sending.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill().await?;
        let first = sending.await.map_err(io::Error::other)??;
        let acked: Vec<usize> = first.into_iter().filter(|(_, seen)| seen == "200").map(|(index, _)| index).collect();

        self.say("restarted on the same store: every event is delivered again");
        let server = self.home.start().await?;
        let survived = server.counts(&self.client, "/applied").await?;
        let mut answers = BTreeMap::new();
        let (mut left, deadline) = (everything, Instant::now() + PATIENCE);
        while !left.is_empty() && Instant::now() < deadline {
            let again = self.clone().send(server.url(""), deliveries.clone(), left, Arc::default()).await?;
            left = again.iter().filter(|(_, seen)| !seen.starts_with("200")).map(|(index, _)| *index).collect();
            answers.extend(again);
            if !left.is_empty() {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
        let booked = server.booked(&self.client, &self.id("storm-")).await?;
        let mut rows = Vec::new();
        for player in &self.players {
            let of_player = |index: &usize| Arc::ptr_eq(&deliveries[*index].0, player);
            let events: Vec<&Event> =
                deliveries.iter().filter(|(owner, _)| Arc::ptr_eq(owner, player)).map(|(_, event)| event).collect();
            let acked: Vec<&usize> = acked.iter().filter(|index| of_player(index)).collect();
            let lost =
                acked.iter().filter(|index| !survived.contains_key(&deliveries[***index].1.key.to_string())).count();
            let what = format!("{STORM} events, kill -9 after {}, then all again", acked.len());
            let answers = answers.iter().filter(|(index, _)| of_player(index)).map(|(_, seen)| seen.clone()).collect();
            let row = self.row(&server, player, &events, &what, answers).await?;
            let booked = booked.get(&*player.sender.name).copied().unwrap_or_default();
            rows.push(row.expect_success().lost(lost).runs_at_least(STORM).applied(STORM).booked(booked, STORM));
        }
        Ok((server, rows))
    }

    /// Sends the deliveries of these numbers, each once, and returns what came back.
    async fn send(
        self: Arc<Self>,
        url: String,
        deliveries: Arc<Vec<(Arc<Player>, Event)>>,
        numbers: Vec<usize>,
        acked: Arc<AtomicUsize>,
    ) -> Result<Vec<(usize, Seen)>, DemoError> {
        let numbers = Arc::new(numbers);
        let next = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for _ in 0..STORM_AT_ONCE {
            let (stage, url, deliveries) = (self.clone(), url.clone(), deliveries.clone());
            let (numbers, next, acked) = (numbers.clone(), next.clone(), acked.clone());
            workers.spawn(async move {
                let mut answers = Vec::new();
                while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (player, event) = &deliveries[*number];
                    let request = stage.client.post(format!("{url}{}", path(player)));
                    let answer = seen(request.headers(player.sign(event)?).body(event.body.clone()).send().await).await;
                    acked.fetch_add(usize::from(answer == "200"), Ordering::Relaxed);
                    answers.push((*number, answer));
                }
                Ok::<_, DemoError>(answers)
            });
        }
        workers.join_all().await.into_iter().try_fold(Vec::new(), |mut all, answers| {
            all.extend(answers?);
            Ok(all)
        })
    }

    async fn deliver(&self, server: &Server, player: &Player, event: &Event) -> Result<Seen, DemoError> {
        Ok(self.post(server, player, player.sign(event)?, event.body.clone()).await)
    }

    async fn post(&self, server: &Server, player: &Player, headers: HeaderMap, body: String) -> Seen {
        seen(self.client.post(server.url(&path(player))).headers(headers).body(body).send().await).await
    }

    /// A row with what the example's tables say of `events`.
    async fn row(
        &self,
        server: &Server,
        player: &Player,
        events: &[&Event],
        what: &str,
        answers: Vec<Seen>,
    ) -> Result<Row, DemoError> {
        let runs = server.counts(&self.client, "/runs").await?;
        let applied = server.counts(&self.client, "/applied").await?;
        let sum = |counts: &BTreeMap<String, usize>| {
            events.iter().filter_map(|event| counts.get(&event.key.to_string())).sum::<usize>()
        };
        Ok(Row::new(&player.sender.name, what, answers, sum(&runs), sum(&applied)))
    }

    /// Prints what to try, and serves until somebody has had enough.
    async fn keep(&self, server: &Server) -> Result<(), Error> {
        let style = output::NAME;
        let mut text = format!("\nThe receiver is still running, its files are in {}. Try:\n", self.home.place());
        for player in self.players.iter().filter(|player| ["handl", "agiled"].contains(&&*player.sender.name)) {
            let event = player.event(0, &self.id("yours-1"), now()).map_err(DemoError::Event)?;
            let headers = player.sign(&event).map_err(DemoError::Sign)?;
            let headers =
                headers.iter().map(|(name, value)| format!("-H '{name}: {}'", value.to_str().unwrap_or_default()));
            text += &format!(
                "\n  {style}curl -i {} \\\n    -d '{}' \\\n    {}{style:#}\n",
                headers.collect::<Vec<_>>().join(" "),
                event.body,
                server.url(&path(player))
            );
        }
        let (orders, applied) = (server.url("/orders"), server.url("/applied"));
        text += &format!("\n  {style}curl {orders}{style:#}\n  {style}curl {applied}{style:#}\n");
        text += "\nSend one twice: the second answer is `x-webhook-duplicate: 1`. Change a byte: 401. Ctrl-C ends it.";
        output::line(&text)?;
        tokio::signal::ctrl_c().await?;
        Ok(())
    }
}

/// An answer in words: its status, and what a counterfoil receiver adds to it.
async fn seen(response: reqwest::Result<Response>) -> Seen {
    let Ok(response) = response else { return NO_ANSWER.to_owned() };
    let status = response.status().as_u16();
    if response.headers().contains_key(DUPLICATE_HEADER) {
        return format!("{status} duplicate");
    }
    match crate::send::read_code(response).await {
        Some(code) => format!("{status} {code}"),
        None => status.to_string(),
    }
}

/// The answer to the head of a delivery whose body would be too large. The body is never sent: a receiver refuses it
/// unread and closes the connection, and a client that is still sending may lose the answer with it.
async fn announce(server: &Server, player: &Player, headers: &HeaderMap) -> io::Result<Seen> {
    let address = server.url("");
    let mut socket = TcpStream::connect(address.trim_start_matches("http://")).await?;
    let mut head =
        format!("POST {} HTTP/1.1\r\nhost: demo\r\ncontent-length: {OVERSIZE}\r\n", path(player)).into_bytes();
    for (name, value) in headers {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    socket.write_all(&head).await?;
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer)).await??;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    Ok(format!("{status} {}", problem["code"].as_str().unwrap_or_default()))
}

fn path(player: &Player) -> String {
    format!("/webhooks/{}", player.sender.name)
}

fn now() -> SystemTime {
    SystemClock.now()
}
