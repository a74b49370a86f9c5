//! Standard input, chunk by chunk, copied to standard output as it comes.

use std::io::{self, ErrorKind, Read, StdoutLock, Write, stdin, stdout};

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::warn;

const CHUNK: usize = 32 << 10;
/// Chunks that wait to be read; behind them the input waits.
const WAITING: usize = 4;

/// Chunks of the input; the channel closes at its end.
pub(super) type Chunks = mpsc::Receiver<io::Result<Bytes>>;

/// Reads on a thread of its own, which ends with the input or once nobody takes chunks any more: a read that waits for
/// more can't be cut off, so the thread is not waited for.
pub(super) fn start(copy: bool) -> io::Result<Chunks> {
    let (sender, chunks) = mpsc::channel(WAITING);
    std::thread::Builder::new().name("input".into()).spawn(move || read(copy, &sender))?;
    Ok(chunks)
}

fn read(copy: bool, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut input = stdin().lock();
    let mut output = copy.then(|| stdout().lock());
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => Ok(chunk.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        if let Ok(bytes) = read {
            copy_to(&mut output, bytes);
        }
        let is_over = read.is_err();
        let read = read.map(Bytes::copy_from_slice);
        if sender.blocking_send(read).is_err() || is_over {
            return;
        }
    }
}

/// Copies to the output until that fails, for example as its reader has seen enough: what comes is stored all the same.
fn copy_to(output: &mut Option<StdoutLock<'_>>, bytes: &[u8]) {
    let Some(open) = output else { return };
    let Err(error) = open.write_all(bytes).and_then(|()| open.flush()) else { return };
    if error.kind() != ErrorKind::BrokenPipe {
        warn!(%error, "standard output takes no more: lines are stored and not copied any more");
    }
    *output = None;
}
