//! Serves a script on loopback, in real time.

use bgsession_mock_server::{RealPace, RealTime, Script, ScriptError, TcpFront};
use clap::Parser;
use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// An HTTP origin scripted as data.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// The script, a JSON file
    script: PathBuf,
    /// Port of 127.0.0.1 to listen on; without it, a free one
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Print each request on standard error
    #[arg(long)]
    log: bool,
    /// Check the script and stop
    #[arg(long)]
    check: bool,
}

/// Why the program stops. The text says where and what to do.
enum Failure {
    Unreadable(PathBuf, io::Error),
    Script(PathBuf, ScriptError),
    Port(u16, io::Error),
    System(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                write!(f, "{}: {error}; is this the path of a script?", path.display())
            }
            Self::Script(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Port(port, error) => write!(
                f,
                "port {port} of 127.0.0.1: {error}; choose another with --port, or leave it out to get a free one"
            ),
            Self::System(error) => write!(f, "{error}"),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when even this fails.
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let script = read(&arguments.script)?;
    if arguments.check {
        let routes = script.routes.len();
        let path = arguments.script.display();
        return Ok(writeln!(io::stdout(), "{path}: a good script with {routes} route(s)")?);
    }
    let in_script = |error| Failure::Script(arguments.script.clone(), error);
    let mut responder = RealTime::play(script).map_err(in_script)?;
    if arguments.log {
        responder = responder.with_log(|entry| {
            let _ = writeln!(io::stderr(), "{entry}");
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let port = arguments.port.unwrap_or(0);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let front = TcpFront::start_on(addr, Arc::new(responder), Arc::new(RealPace::default()))
            .map_err(|error| Failure::Port(port, error))?;
        let mut stdout = io::stdout();
        writeln!(stdout, "listening on http://{}", front.addr())?;
        stdout.flush()?;
        std::future::pending::<Result<(), Failure>>().await
    })
}

fn read(path: &Path) -> Result<Script, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::Unreadable(path.to_owned(), error))?;
    Script::from_json(&text).map_err(|error| Failure::Script(path.to_owned(), error))
}
