"""Page and charts of a benchmark: FP32 and INT8 at each batch size, as in the reference kit."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_tasks.benchmarking.history import Change

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]

PAGE = """\
# Benchmark of {at}

{what}

{table}
words/s: median of the rounds, with minimum and maximum. Batch size 1 tags one sentence after the other on one thread;
larger batch sizes tag all sentences in one call, with batches in parallel on all threads.

p50, p95, p99: latency in milliseconds of a call with one sentence or one full batch on one thread. With fewer than 100
calls p99 is the maximum; each row here has at least {n_calls} calls.

Entity F1 is computed on all sentences of the data. Stock FP32 runs the same graph as oneDNN FP32, so its F1 is not
measured separately.

## Changes since the last run

{changes}
"""


def render_page(report: Mapping[str, Any], changes: Sequence[Change]) -> str:
    """Render a benchmark report as Markdown: setup, table, and changes since the last run.

    Args:
        report: report from `run_benchmark`.
        changes: result of `compare_with_history`.
    """
    host, rounds = report["host"], report["rounds"]
    features = ", ".join(name.upper() for name in ("vnni", "bf16") if host[name]) or "neither VNNI nor BF16"
    n_calls = min(row["n_calls_timed"] for row in report["rows"])
    lines = [_format_change(change) for change in changes] or [
        "None: there is no earlier run on this host with the same data and number of sentences."
    ]
    machine = f"{host['n_threads']} threads, {host['n_cpus']} CPUs of {host['cpu']} ({features})"
    return PAGE.format(
        at=report["at"],
        what=f"{report['n_sentences']} sentences of {report['data']}, {rounds} interleaved rounds, {machine}.",
        table=render_table(report["rows"]),
        n_calls=n_calls,
        changes="\n".join(lines),
    )


def _format_change(change: Change) -> str:
    figure = "{:,.2f}x stock FP32" if change.relative else "{:,.0f} words/s"
    earlier = f"version {change.version}, {change.at}" if change.version else change.at
    now, before = figure.format(change.now), figure.format(change.before)
    note = "" if change.judged else "; reference for the other engines"
    name = f"{change.engine} at batch size {change.batch_size}"
    return f"- {name}: {now}, before {before} ({earlier}), {-change.slower_share:+.1%}{note}"


def render_table(rows: Sequence[Row]) -> str:
    """Render a Markdown table with a line for each engine and batch size, and the speed-up over the first engine."""
    base = {row["batch_size"]: row["words_per_s"] for row in reversed(rows) if row["engine"] == rows[0]["engine"]}
    lines = [
        f"| batch size | engine | words/s | min to max | over {rows[0]['engine']} | p50 ms | p95 ms | p99 ms | F1 |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ratio = row["words_per_s"] / base[row["batch_size"]]
        speed = f"{row['words_per_s']:,.0f} | {row['words_per_s_min']:,.0f} to {row['words_per_s_max']:,.0f}"
        calls = " | ".join(f"{row[name]:,.2f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
        lines.append(f"| {row['batch_size']} | {row['engine']} | {speed} | {ratio:.2f}x | {calls} | {row['f1']:.4f} |")
    return "\n".join(lines) + "\n"


def plot_benchmark(rows: Sequence[Row], folder: Path) -> None:
    """Write `plot` (words per second) and `latency` (milliseconds per call) by batch size, as PNG and SVG.

    Args:
        rows: rows of a benchmark report.
        folder: existing folder for the files.
    """
    from matplotlib.figure import Figure

    for name, draw in (("plot", _draw_speeds), ("latency", _draw_latencies)):
        # a small figure keeps the text readable when a page shows two side by side
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        draw(axes, rows)
        sizes = _distinct_values(rows, "batch_size")
        axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
        axes.set_xlabel("batch size, sentences")
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        for suffix in ("png", "svg"):
            figure.savefig(folder / f"{name}.{suffix}", dpi=150)


def _draw_speeds(axes: "Axes", rows: Sequence[Row]) -> None:
    """Draw bars for the median round with whiskers from the slowest to the fastest; the legend has the entity F1."""
    for label, at, width, group in _iter_groups(rows):
        speeds = [row["words_per_s"] for row in group]
        whiskers = [
            [row["words_per_s"] - row["words_per_s_min"] for row in group],
            [row["words_per_s_max"] - row["words_per_s"] for row in group],
        ]
        bars = axes.bar(at, speeds, width, label=label, yerr=whiskers, error_kw={"lw": 0.8, "capsize": 2})
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=2)
    axes.set_ylabel("words per second")
    axes.set_title("Tagging speed by precision (higher is better)")


def _draw_latencies(axes: "Axes", rows: Sequence[Row]) -> None:
    """Draw bars for the median call with a whisker up to p99 and a mark at p95."""
    for label, at, width, group in _iter_groups(rows):
        p50, p95, p99 = ([row[name] for row in group] for name in ("p50_ms", "p95_ms", "p99_ms"))
        above = [high - middle for high, middle in zip(p99, p50, strict=True)]
        bars = axes.bar(at, p50, width, label=label, yerr=[[0] * len(above), above], error_kw={"lw": 0.8, "capsize": 2})
        axes.plot(at, p95, linestyle="none", marker="_", markersize=8, color="black")
        axes.bar_label(
            bars, labels=[f"{value:,.{1 if value < 100 else 0}f}" for value in p50], fontsize=7, label_type="center"
        )
    axes.set_yscale("log")
    axes.set_ylabel("milliseconds per call")
    axes.set_title("Latency of a call: bar p50, mark p95, whisker p99 (lower is better)")


def plot_learning_curve(history: Sequence[Row], curve: Sequence[Row], folder: Path) -> None:
    """Write `learning.png` and `learning.svg`: loss and dev F1 by step, and the learning rate below.

    Args:
        history: last `step` and dev F1 of each epoch.
        curve: points with `step`, `loss` and `learning_rate`.
        folder: existing folder for the files.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    steps = [point["step"] for point in curve]
    above.plot(steps, [point["loss"] for point in curve], color="tab:grey", lw=1, label="loss, mean of 25 steps")
    above.set_ylabel("loss")
    f1s = above.twinx()
    for name, label, marker in (("dev_f1", "dev F1", "o"), ("dev_f1_averaged", "dev F1, averaged weights", "s")):
        if points := [(line["step"], line[name]) for line in history if name in line]:
            f1s.plot(*zip(*points, strict=True), marker=marker, label=label)
    f1s.set_ylabel("entity F1 on the dev part")
    below.plot(steps, [point["learning_rate"] for point in curve], color="tab:green", lw=1)
    below.set_ylabel("learning rate")
    below.set_xlabel("steps")
    for axes in (above, below):
        axes.spines[["top"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"learning.{suffix}", dpi=150)


def plot_size_curve(rows: Sequence[Row], folder: Path, *, max_f1_loss: float) -> None:
    """Write `size.png` and `size.svg`: dev F1 by words/s, one point for each number of layers.

    Args:
        rows: rows of a report of `right-size`, the full model first; those without figures are left out.
        folder: existing folder for the files.
        max_f1_loss: largest loss that was allowed, drawn as a line below the full model.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    points = [row for row in rows if row["words_per_s"]]
    axes.plot([row["words_per_s"] for row in points], [row["dev_f1"] for row in points], color="tab:grey", lw=1)
    full = rows[0]["dev_f1"]
    for row in points:
        # the bounds of the loss, seen from the full model
        lower, upper = row["loss_bounds"] or (0.0, 0.0)
        whisker = [[max(row["dev_f1"] - (full - upper), 0.0)], [max(full - lower - row["dev_f1"], 0.0)]]
        color = "tab:green" if row["chosen"] else "tab:blue"
        axes.errorbar(row["words_per_s"], row["dev_f1"], yerr=whisker, marker="o", color=color, capsize=2)
        name = f"{row['n_layers']} layers{', chosen' if row['chosen'] else ''}"
        axes.annotate(name, (row["words_per_s"], row["dev_f1"]), xytext=(6, 6), textcoords="offset points", fontsize=8)
    axes.axhline(full - max_f1_loss, color="tab:red", lw=1, ls="--", label=f"full model less {max_f1_loss:g}")
    axes.margins(x=0.15, y=0.15)
    axes.set_xlabel("words per second, INT8")
    axes.set_ylabel("entity F1 on the dev part")
    axes.set_title("F1 and speed by number of layers; whiskers: bounds of the loss")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", frameon=False, fontsize=8)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"size.{suffix}", dpi=150)


def _iter_groups(rows: Sequence[Row]) -> Iterator[tuple[str, list[float], float, list[Row]]]:
    """Yield legend, positions and width of the bars, and rows of each engine."""
    engines, sizes = _distinct_values(rows, "engine"), _distinct_values(rows, "batch_size")
    width = 0.8 / len(engines)
    for index, engine in enumerate(engines):
        group = [row for row in rows if row["engine"] == engine]
        offset = (index - (len(engines) - 1) / 2) * width
        at = [sizes.index(row["batch_size"]) + offset for row in group]
        yield f"{engine}, F1 {group[0]['f1']:.4f}", at, width, group


def _distinct_values(rows: Sequence[Row], name: str) -> list[Any]:
    return list(dict.fromkeys(row[name] for row in rows))
