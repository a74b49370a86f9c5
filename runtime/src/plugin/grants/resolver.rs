//! Turns granted names into addresses, on behalf of the plugins: what is connected to is what was checked.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Host;

/// How long an answer is taken for true.
const LIFETIME: Duration = Duration::from_secs(30);

/// How long a name that has no address is not asked for again.
const FAILURE_LIFETIME: Duration = Duration::from_secs(2);

/// The answers of the system's resolver. Only granted names are asked for, so there are few.
///
/// The lock is held during a question: a plugin has one under way at a time, and with it one blocking thread.
#[derive(Debug, Default)]
pub(in crate::plugin) struct Resolver {
    answers: Arc<Mutex<HashMap<String, Answer>>>,
}

#[derive(Debug)]
struct Answer {
    expires: Instant,
    addresses: Result<Vec<IpAddr>, String>,
}

impl Resolver {
    /// The addresses of a host, as of the last 30 seconds.
    ///
    /// # Errors
    /// What the system's resolver says.
    pub(in crate::plugin) async fn addresses(&self, host: &Host) -> Result<Vec<IpAddr>, String> {
        let name = match host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Name(name) => name,
        };
        let mut answers = Arc::clone(&self.answers).lock_owned().await;
        let known = answers.get(name).filter(|answer| answer.expires > Instant::now());
        if let Some(answer) = known {
            return answer.addresses.clone();
        }
        let name = name.clone();
        // A question can't be called back: it goes on, and keeps the lock, when the plugin no longer waits for it.
        let asking = tokio::spawn(async move {
            let addresses = ask(&name).await;
            let lifetime = if addresses.is_ok() { LIFETIME } else { FAILURE_LIFETIME };
            let answer =
                Answer { expires: Instant::now() + lifetime, addresses: addresses.clone() };
            answers.insert(name, answer);
            addresses
        });
        asking.await.unwrap_or_else(|error| Err(error.to_string()))
    }
}

async fn ask(name: &str) -> Result<Vec<IpAddr>, String> {
    let found = lookup_host((name, 0)).await.map_err(|error| error.to_string())?;
    Ok(found.map(|address| address.ip().to_canonical()).collect())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_address_needs_no_question() {
        let resolver = Resolver::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(resolver.addresses(&Host::Address(address)).await, Ok(vec![address]));
        assert!(resolver.answers.lock().await.is_empty());
    }

    #[tokio::test]
    async fn a_question_that_nobody_waits_for_any_longer_keeps_others_from_being_asked() {
        let resolver = Resolver::default();
        let localhost = Host::parse("localhost").unwrap();
        assert!(resolver.addresses(&localhost).now_or_never().is_none());
        assert!(resolver.answers.try_lock().is_err());
        assert!(resolver.answers.lock().await.contains_key("localhost"));
    }

    #[tokio::test]
    async fn a_name_is_not_asked_for_again_while_its_answer_is_fresh() {
        let resolver = Resolver::default();
        let localhost = Host::parse("localhost").unwrap();
        let first = resolver.addresses(&localhost).await.unwrap();
        assert!(first.iter().all(|address| address.is_loopback()));
        let forged = vec!["192.0.2.1".parse().unwrap()];
        resolver.answers.lock().await.get_mut("localhost").unwrap().addresses = Ok(forged.clone());
        assert_eq!(resolver.addresses(&localhost).await, Ok(forged));
    }
}
