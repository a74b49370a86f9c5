//! A harvester that polls a JSON API, and remembers in its checkpoint how far it came.

mod config;
mod page;

use std::time::Duration;

use loglite_guest::http::{self, Request};
use loglite_guest::{Checkpoint, Failure, Harvest, Harvester, export, log};
use serde_json::Value;

pub use self::config::Config;
use self::page::Page;

/// Polls a JSON API.
#[derive(Debug)]
pub struct HttpPoller {
    config: Config,
    interval: Duration,
    headers: Vec<(String, String)>,
}

impl Harvester for HttpPoller {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Failure> {
        let (interval, headers) = (config.interval()?, config.headers()?);
        Ok(Self { config, interval, headers })
    }

    fn run(&mut self, harvest: &Harvest) -> Result<(), Failure> {
        let mut cursor: Option<Value> = harvest.last_checkpoint()?;
        loop {
            self.poll(harvest, &mut cursor)?;
            if harvest.sleep(self.interval) {
                return Ok(());
            }
        }
    }
}

impl HttpPoller {
    /// Fetches pages until there is nothing new. A server that fails is asked again at the next interval.
    fn poll(&self, harvest: &Harvest, cursor: &mut Option<Value>) -> Result<(), Failure> {
        while !harvest.stopping() {
            let page = match self.fetch(cursor.as_ref()) {
                Ok(page) => page,
                Err(err @ (http::Error::Denied(_) | http::Error::InvalidRequest(_))) => {
                    return Err(Failure::invalid_config(err));
                }
                Err(err) => {
                    log::warn!("{}: {err}", self.config.url);
                    return Ok(());
                }
            };
            let next = page.cursor(&self.config);
            let has_moved = next.is_some() && next != *cursor;
            let checkpoint =
                if has_moved { Checkpoint::of(&next)? } else { Checkpoint::unchanged() };
            harvest.ingest(&page.entries(), checkpoint)?;
            if !has_moved {
                return Ok(());
            }
            *cursor = next;
        }
        Ok(())
    }

    fn fetch(&self, cursor: Option<&Value>) -> Result<Page, http::Error> {
        let mut request = Request::get(self.config.url_at(cursor));
        request.headers.push(("accept".to_owned(), "application/json".to_owned()));
        request.headers.extend(self.headers.iter().cloned());
        let body: Value = request.send()?.ok()?.parse()?;
        Page::new(body, &self.config.items)
    }
}

export!(harvester: HttpPoller);

#[cfg(test)]
mod tests;
