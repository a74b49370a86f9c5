//! Statistics of the service and its database over time, in tables of ours: a sampler writes a row to each of them per
//! interval, and `GET /stats` reads them.

mod clock;
mod database;
mod row_count;
mod sample;
mod sampler;
mod series;

pub(super) use sampler::{RunningSampler, SamplerParts};
pub use series::{ACTIVITY, DATABASE, MAX_SAMPLES, Series, StatsSpan, UnknownStatistic};
