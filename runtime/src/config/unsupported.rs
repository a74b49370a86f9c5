//! Requests for what this version can't do yet. They are refused, because ignoring them would lose data or fill a disk.
//!
//! One check per feature; it goes when the feature comes. Types of harvesters are refused where they are read.

use super::partition::PartitionInterval;
use super::problem::Fault;
use super::report::Report;
use super::root::Config;

/// Reports every request for a feature that is not there.
pub(super) fn check(config: &Config, report: &mut Report) {
    partitions(config, report);
}

fn partitions(config: &Config, report: &mut Report) {
    if config.partition_interval != PartitionInterval::None {
        let what = "partitioning";
        let way_out = "remove the key for a new database, or keep using the older loglite for one \
                       that is partitioned";
        report.add_to_key("partition_interval", Fault::Unsupported { what, way_out });
    }
}
