//! A web server of a test's own: it answers by path, and keeps what was asked of it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// What answers a path: status, headers (each line ended) and body.
pub type Respond = Box<dyn Fn(&str) -> (u16, String, String) + Send>;

/// A web server on loopback. It ends with the value.
#[derive(Debug)]
pub struct TinyServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl TinyServer {
    /// Starts one that answers as `respond` says, one request per connection.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start(respond: Respond) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<String>>>::default());
        let thread = {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            std::thread::spawn(move || serve(&listener, &stop, &asked, &respond))
        };
        Self { address, stop, asked, thread: Some(thread) }
    }

    /// Starts one that answers everything with 200 and this text.
    #[must_use]
    pub fn saying(text: &str) -> Self {
        let text = text.to_owned();
        Self::start(Box::new(move |_| (200, String::new(), text.clone())))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Heads of the requests so far; a connection without a request is an empty one.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TinyServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread; when that fails it has ended by itself.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(listener: &TcpListener, stop: &AtomicBool, asked: &Mutex<Vec<String>>, respond: &Respond) {
    for connection in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(connection) = connection else { continue };
        let head = read_head(&connection).unwrap_or_default();
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (status, headers, body) = respond(path);
        let answer = format!(
            "HTTP/1.1 {status} Any\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        );
        // A client that has gone away does not wait for it.
        drop((&connection).write_all(answer.as_bytes()));
    }
}

/// The request's head, all its lines.
fn read_head(connection: &TcpStream) -> io::Result<String> {
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(connection);
    let mut head = String::new();
    while lines.read_line(&mut head)? > 0 {
        if head.ends_with("\r\n\r\n") {
            break;
        }
    }
    Ok(head)
}
