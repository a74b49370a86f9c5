//! How a ZMTP 3 connection begins: greetings, then what kind of socket each side is. Only the NULL mechanism, that is,
//! no passwords and no encryption.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::frames::{FrameKind, write_frame};
use crate::config::ZmqSocketType;

/// How long a peer may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(10);
const GREETING: usize = 64;
/// A peer's first command: two properties and their names.
const LONGEST_READY: usize = 1_024;
const NULL: &[u8] = b"NULL";

/// Why a connection never came to be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// Such as a browser or a port scan.
    #[error("it does not speak ZMTP")]
    NoZmtp,
    /// It is too old.
    #[error("it speaks ZMTP {0}, of which 3 or newer is needed: use libzmq 4 or newer")]
    TooOld(u8),
    /// It wants to authenticate.
    #[error("it wants the mechanism {0}, and only NULL is there: neither PLAIN nor CURVE")]
    Mechanism(String),
    /// The two kinds of sockets don't go together.
    #[error("it is a {theirs} socket, which does not go with a {ours} socket")]
    SocketType {
        /// What it is.
        theirs: String,
        /// What we are.
        ours: &'static str,
    },
    /// It has refused us.
    #[error("it refused: {0}")]
    ByPeer(String),
    /// It said nothing.
    #[error("it did not say what it is within {} s", PATIENCE.as_secs())]
    Silent,
    /// Nobody is there, or the connection broke.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Greets the peer and tells it what we subscribe to.
///
/// # Errors
/// [`Refused`]
pub(super) async fn shake_hands<S>(
    stream: &mut S,
    kind: ZmqSocketType,
    topics: &[String],
) -> Result<(), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let both = async {
        stream.write_all(&greeting()).await?;
        read_greeting(stream).await?;
        stream.write_all(&ready(kind)).await?;
        read_ready(stream, kind).await?;
        stream.write_all(&subscriptions(kind, topics)).await?;
        Ok(())
    };
    timeout(PATIENCE, both).await.map_err(|_| Refused::Silent)?
}

/// The name of a kind of socket in the protocol.
pub(super) fn name(kind: ZmqSocketType) -> &'static str {
    match kind {
        ZmqSocketType::Pull => "PULL",
        ZmqSocketType::Sub => "SUB",
    }
}

/// Version 3.0: peers that know later ones then send what this one knows, too.
fn greeting() -> [u8; GREETING] {
    let mut greeting = [0; GREETING];
    let head = [&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0], NULL].concat();
    for (byte, value) in greeting.iter_mut().zip(head) {
        *byte = value;
    }
    greeting
}

async fn read_greeting(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), Refused> {
    let mut signature = [0; 10];
    // The first byte alone tells most of what speaks something else.
    let (first, rest) = signature.split_at_mut(1);
    stream.read_exact(first).await?;
    if first != [0xff] {
        return Err(Refused::NoZmtp);
    }
    stream.read_exact(rest).await?;
    if signature.last() != Some(&0x7f) {
        return Err(Refused::NoZmtp);
    }
    let version = stream.read_u8().await?;
    if version < 3 {
        return Err(Refused::TooOld(version));
    }
    let mut others = [0; GREETING - 11];
    stream.read_exact(&mut others).await?;
    let mechanism: Vec<u8> =
        others.iter().skip(1).take(20).copied().take_while(|byte| *byte != 0).collect();
    if mechanism != NULL {
        return Err(Refused::Mechanism(String::from_utf8_lossy(&mechanism).into_owned()));
    }
    Ok(())
}

fn ready(kind: ZmqSocketType) -> Vec<u8> {
    let mut command = b"\x05READY".to_vec();
    property(b"Socket-Type", name(kind).as_bytes(), &mut command);
    let mut frame = Vec::new();
    write_frame(FrameKind::Command, &command, &mut frame);
    frame
}

fn property(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    // Names and values are the few that stand here.
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(name);
    out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(value);
}

async fn read_ready(
    stream: &mut (impl AsyncRead + Unpin),
    ours: ZmqSocketType,
) -> Result<(), Refused> {
    // Read to the byte: what stands behind it are messages.
    let length = match stream.read_u8().await? {
        0x04 => u64::from(stream.read_u8().await?),
        0x06 => stream.read_u64().await?,
        _ => return Err(Refused::NoZmtp),
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_READY);
    let mut command = vec![0; length.ok_or(Refused::NoZmtp)?];
    stream.read_exact(&mut command).await?;
    if let Some(reason) = command.strip_prefix(b"\x05ERROR") {
        let reason = reason.get(1..).unwrap_or_default();
        return Err(Refused::ByPeer(String::from_utf8_lossy(reason).into_owned()));
    }
    let properties = command.strip_prefix(b"\x05READY").ok_or(Refused::NoZmtp)?;
    let theirs = socket_type(properties).ok_or(Refused::NoZmtp)?;
    let fits = match ours {
        ZmqSocketType::Pull => theirs == b"PUSH",
        ZmqSocketType::Sub => theirs == b"PUB" || theirs == b"XPUB",
    };
    if !fits {
        let theirs = String::from_utf8_lossy(theirs).into_owned();
        return Err(Refused::SocketType { theirs, ours: name(ours) });
    }
    Ok(())
}

/// The value of the property `Socket-Type`, whose name may be in any case.
fn socket_type(mut properties: &[u8]) -> Option<&[u8]> {
    loop {
        let (length, rest) = properties.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (value, rest) = rest.split_at_checked(length)?;
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            return Some(value);
        }
        properties = rest;
    }
}

/// In version 3.0 a message to the publisher: a 1 and the begin of a topic.
fn subscriptions(kind: ZmqSocketType, topics: &[String]) -> Vec<u8> {
    let mut frames = Vec::new();
    if kind == ZmqSocketType::Sub {
        let all = [String::new()];
        for topic in if topics.is_empty() { &all } else { topics } {
            write_frame(FrameKind::Last, &[b"\x01", topic.as_bytes()].concat(), &mut frames);
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a peer that sends these bytes and ends.
    async fn after(bytes: &[u8], kind: ZmqSocketType) -> Result<(), Refused> {
        let (mut peer, mut stream) = tokio::io::duplex(4_096);
        peer.write_all(bytes).await.expect("it fits");
        peer.shutdown().await.expect("it ends");
        shake_hands(&mut stream, kind, &[]).await
    }

    fn with_ready(property: &[u8], value: &[u8]) -> Vec<u8> {
        let mut command = b"\x05READY".to_vec();
        super::property(b"Identity", b"", &mut command);
        super::property(property, value, &mut command);
        let mut bytes = greeting().to_vec();
        write_frame(FrameKind::Command, &command, &mut bytes);
        bytes
    }

    #[tokio::test]
    async fn each_kind_takes_its_counterparts_only() {
        let (pull, sub) = (ZmqSocketType::Pull, ZmqSocketType::Sub);
        for (kind, theirs) in [(pull, "PUSH"), (sub, "PUB"), (sub, "XPUB")] {
            let peer = with_ready(b"socket-type", theirs.as_bytes());
            after(&peer, kind).await.expect("they go together");
        }
        for (kind, theirs) in [(pull, "PUB"), (sub, "PUSH"), (pull, "PULL")] {
            let refused = after(&with_ready(b"Socket-Type", theirs.as_bytes()), kind).await;
            assert!(matches!(refused, Err(Refused::SocketType { .. })), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn what_speaks_something_else_is_refused_at_once() {
        let mut old = greeting();
        let mut curve = greeting();
        old.iter_mut().skip(10).take(1).for_each(|version| *version = 2);
        curve.iter_mut().skip(12).zip(*b"CURVE").for_each(|(there, byte)| *there = byte);
        let mut huge = greeting().to_vec();
        huge.extend_from_slice(&[0x06, 0x7f, 0, 0, 0, 0, 0, 0, 0]);
        for (bytes, reason) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "does not speak ZMTP"),
            (&old, "ZMTP 2"),
            (&curve, "CURVE"),
            (&huge, "does not speak ZMTP"),
        ] {
            let refused = after(bytes, ZmqSocketType::Pull).await.expect_err("it is refused");
            assert!(refused.to_string().contains(reason), "{refused}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_says_nothing_is_given_up() {
        let (_peer, mut stream) = tokio::io::duplex(4_096);
        let refused = shake_hands(&mut stream, ZmqSocketType::Pull, &[]).await;
        assert!(matches!(refused, Err(Refused::Silent)), "{refused:?}");
    }
}
