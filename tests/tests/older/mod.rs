//! Older releases of loglite, installed from PyPI once and kept under the target directory.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use loglite_e2e::{Connection, Exit, Home, Process, Request, Response, eventually};

/// Another program may take the port that was free a moment ago.
const STARTS: usize = 5;

/// A release that is installed.
#[derive(Debug)]
pub(crate) struct Release {
    program: PathBuf,
    /// Whether it has to be told to migrate, and where to listen, as the first ones have.
    is_early: bool,
}

/// A running server of an older release. It is killed when the value is dropped.
#[derive(Debug)]
pub(crate) struct Older {
    process: Process,
    address: SocketAddr,
}

impl Release {
    /// Installs what pip calls `requirement`, such as `loglite==1.4.0`, into an environment of its own, unless it is there.
    pub(crate) fn install(requirement: &str) -> Self {
        let environments = Path::new(env!("CARGO_TARGET_TMPDIR")).join("older-releases");
        fs::create_dir_all(&environments).expect("the target directory is writable");
        let venv = environments.join(requirement.replace(|c: char| !c.is_alphanumeric(), "_"));
        // Tests in other threads and processes want the same; the lock ends with the file.
        let lock = File::create(venv.with_extension("lock")).expect("a lock file");
        lock.lock().expect("a lock can be waited for");
        let python = venv.join("bin/python");
        let installed = venv.join("installed");
        if !(python.exists() && installed.exists()) {
            if venv.exists() {
                fs::remove_dir_all(&venv).expect("half an environment can be removed");
            }
            let venv_text = venv.to_str().expect("a path in Unicode");
            run("python3", &["-m", "venv", venv_text]);
            let python = python.to_str().expect("a path in Unicode");
            let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            run(python, &[&install[..], &["--timeout", "30", requirement]].concat());
            fs::write(installed, requirement).expect("the target directory is writable");
        }
        Self { program: venv.join("bin/loglite"), is_early: requirement.contains("==0.1.") }
    }

    /// Runs `loglite server run -c config.yaml` in this home and waits until it answers.
    pub(crate) fn start(&self, home: &Home) -> Older {
        let mut last = None;
        for _ in 0..STARTS {
            match self.try_start(home) {
                Ok(server) => return server,
                Err(exit) => last = Some(exit),
            }
        }
        panic!("{} does not start: {last:#?}", self.program.display())
    }

    fn try_start(&self, home: &Home) -> Result<Older, Exit> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
        let address = free.expect("there is a free port");
        if self.is_early {
            self.prepare(home, address);
        }
        let mut command = Command::new(&self.program);
        command.args(["server", "run", "-c", "config.yaml"]).current_dir(home.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LOGLITE_") {
                command.env_remove(name);
            }
        }
        command.env("LOGLITE_PORT", address.port().to_string());
        let mut server = Older { process: Process::start(&mut command, ""), address };
        let answers = eventually("the older release answers or ends", || {
            if !server.process.is_running() {
                return Some(false);
            }
            let answer = server.try_send(&Request::get("/health")).ok()?;
            (answer.status == 200).then_some(true)
        });
        if answers { Ok(server) } else { Err(server.process.wait()) }
    }
}

impl Release {
    fn prepare(&self, home: &Home, address: SocketAddr) {
        let config = fs::read_to_string(home.config_path()).expect("the configuration is readable");
        let port = format!("port: {}", address.port());
        let with_port = |line: &str| match line.strip_prefix("port:") {
            Some(_) => port.clone(),
            None => line.to_owned(),
        };
        let lines: Vec<_> = config.lines().map(with_port).collect();
        home.write_config(&(lines.join("\n") + "\n"));
        let rollout = ["migrate", "rollout", "-c", "config.yaml"];
        let output = Command::new(&self.program).args(rollout).current_dir(home.path()).output();
        let output = output.expect("it can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Older {
    /// Sends one request on a connection of its own.
    pub(crate) fn send(&self, request: &Request) -> Response {
        self.try_send(request).unwrap_or_else(|error| {
            panic!("no answer to {request}: {error}; its log:\n{}", self.process.stderr())
        })
    }

    /// Stops it in order and waits for its end, which comes after it has written what it holds.
    pub(crate) fn stop(self) {
        self.process.terminate();
        let exit = self.process.wait();
        assert_eq!(exit.code, Some(0), "{exit:#?}");
    }

    fn try_send(&self, request: &Request) -> std::io::Result<Response> {
        Connection::open(self.address)?.send(request)
    }
}

fn run(program: &str, arguments: &[&str]) {
    let needs = "the tests of older releases need python3 with its venv module (Debian: python3-venv), pip's \
                 package index, and a Python that the release has a wheel for (3.10 to 3.13)";
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} can't be run: {error}; {needs}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?} failed; {needs}\n{text}");
}
