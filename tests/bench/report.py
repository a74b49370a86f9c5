"""From samples to medians, ratios, targets, the table on the terminal and the JSON file."""

import os
import platform
from statistics import median

import prepare

# Each figure with its heading, the column's width and the digits shown.
FIGURES = {
    "rows_per_second": ("rows/s", 10, 0),
    "answered_per_second": ("answers/s", 11, 0),
    "cpu_seconds_per_100k": ("CPU s/100k", 12, 2),
    "p50_ms": ("p50 ms", 9, 2),
    "p99_ms": ("p99 ms", 9, 2),
    "idle_mb": ("idle MB", 9, 1),
    "after_mb": ("after MB", 10, 1),
    "peak_mb": ("peak MB", 9, 1),
    "entries_per_second": ("entries/s", 11, 0),
    "idle_cpu_percent": ("idle CPU %", 11, 2),
    "load_ms": ("load ms", 9, 2),
    "instantiate_ms": ("inst. ms", 9, 2),
    "bytes_per_row": ("B/row", 8, 1),
    "level_ms": ("level", 8, 1),
    "service_ms": ("service", 8, 1),
    "function_ms": ("function", 9, 1),
    "unequal_ms": ("unequal", 8, 1),
    "contains_ms": ("contains", 9, 1),
    "pair_ms": ("pair", 8, 1),
}

ROWS, CPU = "rows_per_second", "cpu_seconds_per_100k"
# (what, figure, run, the run it is divided by or None, bound, whether the figure must be at `least` or at
# `most` that). `run/figure` divides by another figure, `-run` subtracts; without a bound the value is for
# orientation.
# fmt: off
TARGETS = [
    ("single: stored rows/s against theirs", ROWS, "ours-single", "theirs-single", 1.6, "least"),
    ("single: CPU per entry against theirs", CPU, "ours-single", "theirs-single", 0.5, "most"),
    ("single: p99 against theirs", "p99_ms", "ours-single", "theirs-single", 1.0, "most"),
    ("single, FULL: stored rows/s against theirs", ROWS, "ours-full-single", "theirs-single", 1.2, "least"),
    ("array: stored rows/s against theirs", ROWS, "ours-array", "theirs-array", 1.05, "least"),
    ("array: CPU per entry against theirs", CPU, "ours-array", "theirs-array", 0.45, "most"),
    ("array: stored rows/s against the bare loop", ROWS, "ours-array", "bare-loop", 0.8, "least"),
    ("resident MB, idle", "idle_mb", "ours-array", None, 15, "most"),
    ("resident MB, after the array run", "after_mb", "ours-array", None, 64, "most"),
    ("identity transform: array rows/s against none", ROWS, "ours-identity-array", "ours-array", 0.95, "least"),
    ("harvester: rows/s against arrays over HTTP", ROWS, "ours-harvester", "ours-array", 0.9, "least"),
    ("file: rows/s against the bare loop", ROWS, "ours-file", "bare-loop", 0.8, "least"),
    ("ZeroMQ: rows/s against the bare loop", ROWS, "ours-zmq", "bare-loop", 0.6, "least"),
    ("import: MB resident at most", "peak_mb", "ours-import", None, 100, "most"),
    ("regex: lines/s on one core, before storage", "entries_per_second", "regex-lines", None, 150_000, "least"),
    ("a thousand idle files: % of a core", "idle_cpu_percent", "ours-idle-files", None, 1, "most"),
    ("compressed: size against plain", "bytes_per_row", "ours-compressed", "ours-plain", 0.75, "most"),
    ("theirs compressed: size against plain", "bytes_per_row", "theirs-compressed", "theirs-plain", None, None),
    ("compressed: stored rows/s against plain", ROWS, "ours-compressed", "ours-plain", 0.95, "least"),
    ("filter, index, few values: ms against plain", "level_ms", "ours-compressed", "ours-plain", 1, "most"),
    ("filter, index: ms against plain", "service_ms", "ours-compressed", "ours-plain", 1, "most"),
    ("filter, no index: ms against plain", "function_ms", "ours-compressed", "ours-plain", 1, "most"),
    ("filter !=, no index: ms against plain", "unequal_ms", "ours-compressed", "ours-plain", 1, "most"),
    ("filter ~=, no index: ms against plain", "contains_ms", "ours-compressed", "ours-plain", 1, "most"),
    ("two filters: ms against plain", "pair_ms", "ours-compressed", "ours-plain", 1, "most"),
    ("retention: p99 against no retention", "p99_ms", "ours-retention", "ours-keeping", 2, "most"),
    ("retention: peak MB against no retention", "peak_mb", "ours-retention", "ours-keeping", 1.2, "most"),
    ("retention: rows deleted under the load", "deleted_while_loaded", "ours-retention", None, None, None),
    ("redact: entries/s on one core", "entries_per_second", "plugin-redact", None, 250_000, "least"),
    ("cached Rust component: ms to load", "load_ms", "plugin-heartbeat", None, 20, "most"),
    ("cached Python component: ms to load", "load_ms", "plugin-heartbeat-python", None, 200, "most"),
    ("Rust component: ms to instantiate", "instantiate_ms", "plugin-heartbeat", None, 1, "most"),
    ("a hundred idle harvesters: MB more than none", "idle_mb", "ours-hundred", "-ours-idle", 20, "most"),
    # Harder than asked: theirs credited with all it acknowledged, as if a backlog stored itself.
    ("single: stored rows/s against their answers/s", ROWS, "ours-single",
     "theirs-single/answered_per_second", None, None),
    ("array: stored rows/s against their answers/s", ROWS, "ours-array",
     "theirs-array/answered_per_second", None, None),
]
# fmt: on


def summarize(samples):
    """`samples` maps a run's name to its figures, one dict per round."""
    return {
        "samples": samples,
        "medians": {run: medians(rounds) for run, rounds in samples.items()},
        "targets": [judge(target, samples) for target in TARGETS],
        "lost_by_ours": sum(
            sample.get("lost", 0) for run in samples if run.startswith("ours") for sample in samples[run]
        ),
    }


def medians(rounds):
    return {
        figure: median(sample[figure] for sample in rounds)
        for figure in FIGURES
        if rounds and rounds[0].get(figure) is not None
    }


def judge(target, samples):
    """Ratios are taken within a round, where both met the same machine; the median is of the ratios."""
    what, figure, run, base, bound, direction = target
    values = [sample[figure] for sample in samples.get(run, [])]
    if base:
        base_run, _, base_figure = base.lstrip("-").partition("/")
        others = [sample[base_figure or figure] for sample in samples.get(base_run, [])]
        # Either side may not have been measured: `--only`.
        pairs = zip(values, others, strict=False)
        is_difference = base.startswith("-")
        values = [value - other if is_difference else value / other for value, other in pairs]
    value = median(values) if values else None
    text = "for orientation" if bound is None else f"at {direction} {bound}"
    return {
        "target": what,
        "bound": text,
        "value": value,
        "met": is_met(value, bound, direction),
        "rounds": values,
    }


def is_met(value, bound, direction):
    """None if there is nothing to meet or nothing was measured."""
    if value is None or bound is None:
        return None
    return value >= bound if direction == "least" else value <= bound


def machine():
    """What the figures depend on besides the programs."""
    with open("/proc/cpuinfo") as cpuinfo:
        models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
    }


def versions(loglite, wrk, work):
    """Of everything that takes part; null where it can not be told."""
    return {
        "loglite": prepare.output([loglite, "--version"], check=False) or None,
        "commit": prepare.output(["git", "describe", "--always", "--dirty"], check=False) or None,
        "theirs": prepare.RIVAL,
        "rustc": prepare.output(["rustc", "--version"], check=False) or None,
        "python": platform.python_version(),
        "wrk": wrk_version(wrk) if wrk else None,
        "file_system": prepare.output(["stat", "-f", "-c", "%T", work], check=False) or None,
    }


def wrk_version(wrk):
    # It prints its version with its usage and then fails.
    first_line = prepare.output(["sh", "-c", '"$0" -v | head -n 1', wrk], check=False)
    return first_line.partition(" [")[0] or None


def print_tables(results):
    headings = "".join(f"{heading:>{width}}" for heading, width, _ in FIGURES.values())
    print(f"\n{'run':<26}{headings}{'lost':>8}")
    for run, figures in results["medians"].items():
        lost = sum(sample.get("lost", 0) for sample in results["samples"][run])
        row = "".join(
            cell(figures.get(name), width, digits) for name, (_, width, digits) in FIGURES.items()
        )
        print(f"{run:<26}{row}{lost:>8}")
    print(f"\n{'target':<48}{'bound':>16}{'measured':>10}  met")
    for target in results["targets"]:
        met = {True: "yes", False: "NO", None: "" if target["value"] else "not measured"}[target["met"]]
        print(f"{target['target']:<48}{target['bound']:>16}{cell(target['value'], 10, 2)}  {met}")


def cell(value, width, digits):
    return f"{'-' if value is None else format(value, f'.{digits}f'):>{width}}"
