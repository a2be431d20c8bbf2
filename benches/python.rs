//! The Python package beside what one would use instead: a verdict alone, and a whole FastAPI service on uvicorn over
//! loopback.
//!
//! The applications stand in `python/app.py`. Every handler is the same function over the whole body. The handler that
//! checks by hand reads nothing from the body, and ours reads id, type and time; one row lets the former read its type too.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use counterfoil_benches::fixtures::SECRET;
use counterfoil_benches::load::{CONNECTIONS, Load};
use counterfoil_benches::markdown::count;
use counterfoil_benches::{Aim, BoxError, Contest, Extent, Sheet, Unit};

const BARE: &str = "endpoint that buffers the body";
const INLINE: &str = "endpoint that checks inline by hand";
const READING: &str = "endpoint that checks inline by hand, and reads the type";
const VERIFYING: &str = "route_class, verifying alone";
const STATED: &str = "route_class, verifying alone, `request.state.delivery`";
const MIDDLEWARE: &str = "WebhookMiddleware, verifying alone";
const ONCE: &str = "route_class, each event once, memory store";

fn main() -> Result<(), BoxError> {
    let (extent, python) = (Extent::from_args(), counterfoil_testkit::python());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let peers = folder.join("../tests/vectors/requirements.txt");
    // Apart from the environment, which the tests share, and which holds what they name and nothing else.
    let beside = python.ancestors().nth(4).ok_or("no target folder")?.join("python-peers");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"];
    succeed(Command::new(&python).args(pip).arg(&beside).arg("-r").arg(peers))?;
    let mut sheet = Sheet::new(extent);
    for (name, version) in versions(&python, &beside)? {
        sheet.software(name, version);
    }
    verify(&python, &folder.join("python"), &beside, extent, &mut sheet)?;
    let bench = Bench { python, folder: folder.join("python"), load: Load::new(extent)? };
    let contest = Contest::new(
        format!("FastAPI on uvicorn over loopback, {CONNECTIONS} connections, requests a second"),
        Unit::Rate,
    )
    .enter(BARE, || bench.round("bare"))
    .enter(INLINE, || bench.round("inline"))
    .enter(READING, || bench.round("inline_reading"))
    .ours(VERIFYING, || bench.round("verifying"))
    .ours(STATED, || bench.round("verifying_state"))
    .ours(MIDDLEWARE, || bench.round("middleware"))
    .ours(ONCE, || bench.round("once"))
    .aim(STATED, Aim::AtLeast(1.0), INLINE)
    .compare(VERIFYING, INLINE)
    .compare(MIDDLEWARE, INLINE)
    .compare(ONCE, INLINE);
    sheet.contest(contest.run(extent, 11)?)?;
    sheet.finish()
}

const HANDL: &str = "counterfoil, handl";
const STANDARD: &str = "counterfoil, standard-webhooks";
const STRIPE: &str = "counterfoil, stripe";
const STDLIB: &str = "hmac.new, hexdigest, compare_digest";
const READ: &str = "the same, and json.loads";

fn verify(python: &Path, folder: &Path, peers: &Path, extent: Extent, sheet: &mut Sheet) -> Result<(), BoxError> {
    for length in [1024, 65_536] {
        let calls = extent.pick(1_024_000 / length, 1);
        let verdicts = RefCell::new(Verdicts::start(python, folder, peers, length, calls)?);
        let round = |contender: &'static str| || verdicts.borrow_mut().round(contender);
        let contest = Contest::new(format!("Verification in Python, JSON body of {} bytes", count(length)), Unit::Time)
            .enter(STDLIB, round("stdlib"))
            .enter(READ, round("stdlib, json"))
            .ours(HANDL, round("handl"))
            .ours(STANDARD, round("standard-webhooks"))
            .ours(STRIPE, round("stripe"))
            .enter("stripe", round("peer stripe"))
            .enter("standardwebhooks", round("peer standardwebhooks"))
            .enter("svix", round("peer svix"));
        let contest = match length {
            1024 => contest
                .aim(STDLIB, Aim::AtLeast(2.2), HANDL)
                .aim("stripe", Aim::AtLeast(4.0), STRIPE)
                .aim("standardwebhooks", Aim::AtLeast(8.0), STANDARD)
                .aim("svix", Aim::AtLeast(8.0), STANDARD)
                .compare(READ, HANDL),
            _ => contest,
        };
        sheet.contest(contest.run(extent, 201)?)?;
    }
    Ok(())
}

/// A Python that runs one contender at a time, as it is told to.
struct Verdicts {
    child: Child,
    names: ChildStdin,
    times: BufReader<ChildStdout>,
}

impl Verdicts {
    fn start(python: &Path, folder: &Path, peers: &Path, length: usize, calls: usize) -> Result<Self, BoxError> {
        let mut child = Command::new(python)
            .arg(folder.join("verify.py"))
            .args([length.to_string(), calls.to_string()])
            .env("PYTHONPATH", peers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (names, times) = (child.stdin.take().ok_or("no stdin")?, child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, names, times: BufReader::new(times) })
    }

    /// Seconds for one call.
    fn round(&mut self, contender: &str) -> Result<f64, BoxError> {
        writeln!(self.names, "{contender}")?;
        let mut time = String::new();
        self.times.read_line(&mut time)?;
        Ok(time.trim().parse()?)
    }
}

impl Drop for Verdicts {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the interpreter is, and what runs in it.
fn versions(python: &Path, peers: &Path) -> Result<Vec<(String, String)>, BoxError> {
    let script = "
import importlib.metadata, platform
print('Python', platform.python_version())
for name in ('fastapi', 'httptools', 'standardwebhooks', 'stripe', 'svix', 'uvicorn', 'uvloop'):
    print(name + ' (PyPI)', importlib.metadata.version(name))
";
    let said = Command::new(python).args(["-c", script]).env("PYTHONPATH", peers).output()?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into());
    }
    let lines = String::from_utf8(said.stdout)?;
    let named = lines.lines().filter_map(|line| line.rsplit_once(' '));
    Ok(named.map(|(name, version)| (name.to_owned(), version.to_owned())).collect())
}

fn succeed(command: &mut Command) -> Result<(), BoxError> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

struct Bench {
    python: PathBuf,
    folder: PathBuf,
    load: Load,
}

impl Bench {
    /// Requests a second against a fresh server of one worker.
    fn round(&self, contender: &str) -> Result<f64, BoxError> {
        let server = self.serve(contender)?;
        let rate = self.load.rate(server.address)?;
        if handled(server.address)? == self.load.len() {
            Ok(rate)
        } else {
            Err(format!("{contender}: not every request was handled once").into())
        }
    }

    fn serve(&self, contender: &str) -> Result<Server, BoxError> {
        let child = Command::new(&self.python)
            .args([
                "-m",
                "uvicorn",
                "app:app",
                "--port",
                "0",
                "--no-access-log",
                "--loop",
                "uvloop",
                "--http",
                "httptools",
            ])
            .current_dir(&self.folder)
            .envs([("CONTENDER", contender), ("HANDL_SECRET", SECRET)])
            .stderr(Stdio::piped())
            .spawn()?;
        let mut server = Server { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut said = String::new();
        for line in BufReader::new(server.child.stderr.take().ok_or("no stderr")?).lines() {
            let line = line?;
            // It says so where colours are off, which they are in a pipe.
            if let Some((_, rest)) = line.split_once("running on http://127.0.0.1:") {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                server.address.set_port(digits.parse()?);
                return Ok(server);
            }
            said = said + &line + "\n";
        }
        Err(format!("{contender} did not start:\n{said}").into())
    }
}

/// How many requests have reached the handler.
fn handled(address: SocketAddr) -> Result<usize, BoxError> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"GET /handled HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.rsplit("\r\n").next().unwrap_or_default().trim().parse()?)
}

/// A running server, killed when it is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
