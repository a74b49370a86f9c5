//! Datagrams that the system dropped because a socket's buffer was full, as Linux counts them.

use std::convert::Infallible;
use std::fs;
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use super::datagram_socket::DatagramSocket;
use crate::harvest::seldom::Seldom;
use crate::metrics::HarvesterMetrics;

/// Where Linux lists its UDP sockets.
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];
/// How often they are read.
const INTERVAL: Duration = Duration::from_secs(5);

/// What the system has dropped of one socket.
#[derive(Debug)]
pub(super) struct Drops {
    /// None where nothing is dropped.
    inode: Option<u64>,
    known: u64,
    metrics: HarvesterMetrics,
    told: Seldom,
}

impl Drops {
    pub(super) fn new(socket: &DatagramSocket, metrics: &HarvesterMetrics) -> Self {
        let (inode, metrics) = (socket.inode(), metrics.clone());
        Self { inode, known: 0, metrics, told: Seldom::each_minute() }
    }

    /// Looks again and again.
    pub(super) async fn watch(&mut self) -> Infallible {
        loop {
            sleep(INTERVAL).await;
            self.look().await;
        }
    }

    /// Counts and tells what is new. A system that does not say has dropped nothing.
    pub(super) async fn look(&mut self) {
        let Some(inode) = self.inode else { return };
        let looked = tokio::task::spawn_blocking(move || dropped(inode)).await;
        let dropped = looked.unwrap_or_default().unwrap_or_default();
        let new = dropped.saturating_sub(self.known);
        self.known = self.known.max(dropped);
        self.metrics.lost.inc_by(new);
        if let Some(messages) = self.told.add(new) {
            warn!(
                harvester = self.metrics.name(),
                messages,
                "the system dropped datagrams, as its buffer was full; raise `receive_buffer`, or send over TCP"
            );
        }
    }
}

fn dropped(inode: u64) -> Option<u64> {
    TABLES.iter().find_map(|path| find(&fs::read_to_string(path).ok()?, inode))
}

/// The last column of the line whose tenth is the inode.
fn find(table: &str, inode: u64) -> Option<u64> {
    let lines = table.lines().skip(1).map(|line| line.split_ascii_whitespace());
    lines.filter_map(|columns| Some((columns.clone().nth(9)?, columns.last()?))).find_map(
        |(own, drops)| (own.parse::<u64>() == Ok(inode)).then(|| drops.parse().ok()).flatten(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sockets_drops_are_found_by_its_inode() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  517: 00000000:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 0
  822: 0100007F:14C8 00000000:0000 07 00000000:00034000 00:00000000 00000000  1000        0 4712 2 0000000000000000 1234
";
        assert_eq!(find(table, 4712), Some(1234));
        assert_eq!(find(table, 4711), Some(0));
        assert_eq!(find(table, 1234), None);
        assert_eq!(find("", 1), None);
    }
}
