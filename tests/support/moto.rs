//! moto, an imitation of AWS by others, as a server on loopback. `tests/run` installs it.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cdc_doctor::aws::Session;
use cdc_doctor::pipeline::Aws;

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/servers/moto/bin/python");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/run_moto.py");
const LIMIT: Duration = Duration::from_secs(60);

/// The section `[aws]` that leads to the one moto of all tests. Names are shared: take those of [`super::unique`].
pub fn moto() -> Aws {
    static PORT: OnceLock<u16> = OnceLock::new();
    let port = PORT.get_or_init(start);
    Aws { region: "eu-west-2".into(), profile: None, endpoint_url: Some(format!("http://127.0.0.1:{port}")) }
}

/// A session with it.
pub async fn moto_session() -> Session {
    Session::open(&moto()).await
}

/// Starts it; it ends with this process, whose death closes its standard input.
#[expect(clippy::zombie_processes, reason = "it outlives this process by a moment")]
fn start() -> u16 {
    assert!(Path::new(PYTHON).exists(), "this test needs moto: run tests/run --set-up-only");
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut server = Command::new(PYTHON)
        .args([SCRIPT, "-H", "127.0.0.1", "-p", &port.to_string()])
        // The policies that AWS itself keeps.
        .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = server.try_wait().unwrap();
        assert!(ended.is_none(), "moto ended at once, {ended:?}: run {PYTHON} {SCRIPT}");
        assert!(began.elapsed() < LIMIT, "moto did not start within {} seconds", LIMIT.as_secs());
        std::thread::sleep(Duration::from_millis(100));
    }
    // Its standard input stays open for as long as this process lives.
    std::mem::forget(server.stdin.take());
    port
}
