//! `counterfoil send`: plays a sender against a receiver, as often as asked.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use counterfoil::receiver::DUPLICATE_HEADER;
use counterfoil::{Clock as _, SignError, Signer, SystemClock};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::error::Error;
use crate::output;
use crate::signing::{Signable, Signing};

/// As long as the most patient of the senders waits.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Our refusals take under a hundred bytes; whatever is longer is none of them.
const REFUSAL_BYTES: usize = 4096;

/// Every request under way holds an open file, of which most systems grant 1024.
const MOST_AT_ONCE: i64 = 512;

/// Sign a body and post it, once or many times
///
/// Signs the body anew for each request, posts it (as `application/json`, unless -H says otherwise), and counts the answers by status, by
/// the code that a counterfoil receiver puts into a refusal, and by whether it called the event a duplicate.
/// Redirections are not followed; a request may take 30 s.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Send {
    #[command(flatten)]
    signing: Signing,
    /// Post to this http or https address.
    #[arg(long, value_name = "URL", value_parser = address)]
    to: Url,
    /// How many requests to make.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// How many of them may be under way at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MOST_AT_ONCE))]
    concurrency: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  counterfoil send --sender handl --secret-env HANDL_SECRET \\
    --to http://localhost:3000/webhooks/handl body.json

  counterfoil send --sender handl --secret-env HANDL_SECRET \\
    --to http://localhost:3000/webhooks/handl \\
    --times 1000 --concurrency 64 --json body.json

  counterfoil send --sender github --secret-env GITHUB_SECRET -H 'X-GitHub-Event: push' \\
    --to http://localhost:3000/webhooks/github body.json

A secret is never taken from the command line, where it would stay in the shell's history.

Exit codes: 0 every answer was 2xx, 1 some were not or did not come, 2 a mistake in the \
command or its input, or a sender whose deliveries cannot be signed here (then nothing is printed on stdout)";

impl Send {
    pub(crate) fn run(self) -> Result<ExitCode, Error> {
        let Signable { signer, mut headers, body, .. } = self.signing.read()?;
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let plan = Arc::new(Plan {
            signer,
            headers,
            body: body.into(),
            client: client(&self.to)?,
            to: self.to,
            times: self.times.into(),
            begun: AtomicU64::new(0),
            bar: progress(self.times),
        });
        let began = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
        let tally = runtime.block_on(plan.clone().post_all(self.concurrency.min(self.times)))?;
        plan.bar.finish_and_clear();
        let report = Report::new(&tally, began.elapsed());
        output::line(&if self.json { output::json(&report)? } else { report.to_text() })?;
        Ok(ExitCode::from(u8::from(report.accepted < report.sent)))
    }
}

/// One body, one address, and how many requests have begun.
struct Plan {
    signer: Signer,
    /// Those that every request has alike.
    headers: HeaderMap,
    body: Bytes,
    client: Client,
    to: Url,
    times: u64,
    begun: AtomicU64,
    bar: ProgressBar,
}

impl Plan {
    async fn post_all(self: Arc<Self>, concurrency: u32) -> Result<Tally, SignError> {
        let mut workers = JoinSet::new();
        for _ in 0..concurrency {
            workers.spawn(self.clone().post_some());
        }
        let mut total = Tally::new();
        for tally in workers.join_all().await {
            for (answer, count) in tally? {
                *total.entry(answer).or_default() += count;
            }
        }
        Ok(total)
    }

    async fn post_some(self: Arc<Self>) -> Result<Tally, SignError> {
        let mut tally = Tally::new();
        while self.begun.fetch_add(1, Ordering::Relaxed) < self.times {
            let answer = self.post().await?;
            *tally.entry(answer).or_default() += 1;
            self.bar.inc(1);
        }
        Ok(tally)
    }

    async fn post(&self) -> Result<Answer, SignError> {
        let mut headers = self.headers.clone();
        self.signer.sign_into(&mut headers, &self.body, SystemClock.now())?;
        let request = self.client.post(self.to.clone()).headers(headers);
        Ok(match request.body(self.body.clone()).send().await {
            Ok(response) => Answer::read(response).await,
            Err(error) => Answer::none(&error),
        })
    }
}

type Tally = BTreeMap<Answer, u32>;

/// What is told apart in the counts.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
enum Answer {
    /// `duplicate` is the value of `x-webhook-duplicate`: `1`, or `conflict` where the bodies differ.
    Some {
        status: u16,
        code: Option<String>,
        duplicate: Option<&'static str>,
    },
    None {
        error: String,
    },
}

impl Answer {
    async fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let duplicate = response.headers().get(DUPLICATE_HEADER).map(|value| match value.as_bytes() {
            b"conflict" => "conflict",
            _ => "1",
        });
        Self::Some { status, code: read_code(response).await, duplicate }
    }

    fn none(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::None { error: format!("none within {} s", TIME_LIMIT.as_secs()) };
        }
        // The innermost error is the telling one; the outer ones repeat the address, which may hold a password.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        // A server's certificate can put text of its own into this.
        Self::None { error: cause.to_string().chars().filter(|char| !char.is_control()).collect() }
    }

    fn is_accepted(&self) -> bool {
        matches!(self, Self::Some { status: 200..300, .. })
    }
}

/// The code of a refusal by a counterfoil receiver: snake case, or it is somebody else's.
pub(crate) async fn read_code(mut response: Response) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > REFUSAL_BYTES {
            return None;
        }
    }
    let Refusal { code } = serde_json::from_slice(&body).ok()?;
    let fit = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    fit.then_some(code)
}

#[derive(Serialize)]
struct Report<'a> {
    sent: u32,
    accepted: u32,
    milliseconds: u128,
    answers: Vec<Count<'a>>,
}

#[derive(Serialize)]
struct Count<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    count: u32,
}

impl<'a> Report<'a> {
    fn new(tally: &'a Tally, took: Duration) -> Self {
        Self {
            sent: tally.values().sum(),
            accepted: tally.iter().filter(|(answer, _)| answer.is_accepted()).map(|(_, count)| count).sum(),
            milliseconds: took.as_millis(),
            answers: tally.iter().map(|(answer, count)| Count { answer, count: *count }).collect(),
        }
    }

    fn to_text(&self) -> String {
        let width = self.sent.to_string().len();
        let mut text = String::new();
        for Count { answer, count } in &self.answers {
            let (style, words) = match answer {
                Answer::Some { status, code, duplicate } => {
                    let duplicate = duplicate.map(|value| if value == "1" { " duplicate" } else { " conflict" });
                    let code = code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
                    (style(*status), format!("{status}{code}{}", duplicate.unwrap_or_default()))
                }
                Answer::None { error } => (output::BAD, format!("no answer: {error}")),
            };
            text += &format!("{count:>width$}  {style}{words}{style:#}\n");
        }
        let took = humantime::format_duration(Duration::from_millis(self.milliseconds.try_into().unwrap_or(u64::MAX)));
        text + &format!("{} sent, {} accepted, in {took}", self.sent, self.accepted)
    }
}

fn style(status: u16) -> anstyle::Style {
    match status {
        200..300 => output::GOOD,
        503 => output::WARN,
        _ => output::BAD,
    }
}

fn client(to: &Url) -> Result<Client, reqwest::Error> {
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .timeout(TIME_LIMIT)
        .user_agent(concat!("counterfoil/", env!("CARGO_PKG_VERSION")));
    if to.scheme() == "http" {
        // A container without any certificates must still reach the receiver beside it. Through a proxy, what proves
        // the delivery would go in clear text to yet another machine.
        builder = builder.tls_certs_only([]).no_proxy();
    }
    builder.build()
}

/// A bar on stderr, which hides itself where stderr is no terminal.
fn progress(times: u32) -> ProgressBar {
    if times == 1 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(times.into());
    match ProgressStyle::with_template("{bar:40.cyan} {pos}/{len}  {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn address(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err("write it as http://... or https://...".to_owned()),
    }
}
