//! Requests for what this version can't do yet. They are refused, because ignoring them would lose data or fill a disk.
//!
//! One check per feature; it goes when the feature comes. Types of harvesters are refused where they are read.

use super::partition::PartitionInterval;
use super::problem::Fault;
use super::report::Report;
use super::retention::RetentionConfig;
use super::root::Config;

/// Reports every request for a feature that is not there.
pub(super) fn check(config: &Config, report: &mut Report) {
    compression(config, report);
    partitions(config, report);
    retention(config, report);
}

fn compression(config: &Config, report: &mut Report) {
    if config.compression.enabled {
        let what = "dictionary compression";
        let way_out = "set it to false for a new database, or keep using the older loglite for \
                       one that holds compressed columns";
        report.add_to_key("compression.enabled", Fault::Unsupported { what, way_out });
    }
}

fn partitions(config: &Config, report: &mut Report) {
    if config.partition_interval != PartitionInterval::None {
        let what = "partitioning";
        let way_out = "remove the key for a new database, or keep using the older loglite for one \
                       that is partitioned";
        report.add_to_key("partition_interval", Fault::Unsupported { what, way_out });
    }
}

fn retention(config: &Config, report: &mut Report) {
    let (asked, default) = (&config.retention, RetentionConfig::default());
    let requests = [
        ("vacuum_max_days", asked.vacuum_max_days < default.vacuum_max_days),
        ("vacuum_max_size", asked.vacuum_max_size < default.vacuum_max_size),
        ("vacuum_target_size", asked.vacuum_target_size < default.vacuum_target_size),
    ];
    for (key, is_request) in requests {
        if is_request {
            let what = "deleting old entries";
            let way_out =
                "remove the key to keep all entries, or keep using the older loglite for it";
            report.add_to_key(key, Fault::Unsupported { what, way_out });
        }
    }
}
