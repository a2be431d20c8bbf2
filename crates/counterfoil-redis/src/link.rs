//! One connection: how it is made, and how a batch of calls travels over it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use counterfoil::idempotency::Survives;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, Pipeline, RedisError, ServerErrorKind, Value};

use crate::OpenError;
use crate::error::{interrupted, is_elsewhere, refused};
use crate::open;
use crate::server;
use crate::wire::Job;

/// How long making a connection may take, with everything that is asked on it.
const CONNECT: Duration = Duration::from_secs(2);

/// How long the server may take to answer a batch. A connection that was silent for so long is given up.
const ANSWER: Duration = Duration::from_millis(1500);

/// A connection that carried nothing for so long is looked at first: the server may have closed it.
const IDLE: Duration = Duration::from_millis(100);

/// Makes connections to one address.
pub(crate) struct Dialer {
    client: Client,
    config: AsyncConnectionConfig,
}

impl Dialer {
    pub(crate) fn new(address: ConnectionInfo) -> Result<Self, OpenError> {
        // A batch is written at once; holding back the next one until the last is acknowledged gains nothing.
        let address = address.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(Some(ANSWER));
        Ok(Self { client: Client::open(address).map_err(open::refused)?, config })
    }

    /// Connects, and looks at the server: after a failover the same name may stand for another one.
    pub(crate) async fn dial(&self) -> Result<(Link, Survives), OpenError> {
        let attempt = async {
            let connecting = self.client.get_multiplexed_async_connection_with_config(&self.config);
            let mut connection = connecting.await.map_err(open::refused)?;
            let survives = server::inspect(&mut connection).await?;
            Ok((Link { connection, given_up: Arc::default(), used_at: Instant::now() }, survives))
        };
        let timed_out = |elapsed| Err(OpenError::Redis { source: Box::new(elapsed) });
        tokio::time::timeout(CONNECT, attempt).await.unwrap_or_else(timed_out)
    }
}

/// A connection that many batches share.
#[derive(Clone)]
pub(crate) struct Link {
    connection: MultiplexedConnection,
    given_up: Arc<AtomicBool>,
    used_at: Instant,
}

impl Link {
    /// Whether a batch can be entrusted to it.
    pub(crate) async fn is_alive(&mut self) -> bool {
        if self.given_up.load(Ordering::Relaxed) {
            return false;
        }
        let idle = mem::replace(&mut self.used_at, Instant::now()).elapsed();
        // Sending fails at once on a connection that the server has closed; nobody waits for the answer.
        let mut ping = redis::cmd("PING");
        idle < IDLE || self.connection.send_packed_command(ping.set_no_response(true)).await.is_ok()
    }

    /// Sends the calls together and answers each caller.
    pub(crate) async fn carry(mut self, mut jobs: Vec<Job>) {
        while !jobs.is_empty() {
            let mut pipeline = Pipeline::with_capacity(jobs.len());
            for job in &mut jobs {
                pipeline.add_command(mem::take(&mut job.call.command));
            }
            jobs = match self.connection.send_packed_commands(&pipeline, 0, jobs.len()).await {
                Ok(values) => self.answer(jobs, values, &pipeline),
                Err(error) => return self.give_up(jobs, &error),
            };
        }
    }

    /// Answers the callers, but for those whose script the server does not have: these calls go out once more.
    fn answer(&self, jobs: Vec<Job>, values: Vec<Value>, sent: &Pipeline) -> Vec<Job> {
        let mut again = Vec::new();
        for ((mut job, value), sent) in jobs.into_iter().zip(values).zip(sent.cmd_iter()) {
            match value {
                Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript) && job.call.fill(sent) => {
                    again.push(job);
                }
                Value::ServerError(error) => {
                    if is_elsewhere(&error) {
                        self.given_up.store(true, Ordering::Relaxed);
                    }
                    job.answer(Err(refused(error)));
                }
                value => job.answer(Ok(value)),
            }
        }
        again
    }

    /// Also after a mere timeout: a network that has swallowed a connection does not say so for minutes.
    fn give_up(&self, jobs: Vec<Job>, error: &RedisError) {
        if !self.given_up.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "counterfoil", %error, "the connection to Redis broke");
        }
        for job in jobs {
            let writes = job.call.writes();
            job.answer(Err(interrupted(error.clone(), writes)));
        }
    }
}
