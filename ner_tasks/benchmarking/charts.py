"""A benchmark as a page and as charts, FP32 beside INT8 at each batch size, as the reference kit shows them."""

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
words/s: median of the rounds, with the least and the most. At batch size 1 one sentence after the other, on one thread;
above, all sentences at once, batches on all threads at the same time.

p50, p95, p99: milliseconds of a call with one sentence or one full batch, which takes one thread. Of fewer than 100 calls
p99 is the slowest; here each row has {n_calls} or more.

Entity F1 is on all sentences of the data. Stock FP32 is the same graph as oneDNN FP32 and is given its F1.

## Since the last time

{since}
"""


def render_page(report: Mapping[str, Any], changes: Sequence[Change]) -> str:
    """Markdown: what was measured on what, the table, and what has changed since the last time."""
    host, rounds = report["host"], report["rounds"]
    able = ", ".join(name.upper() for name in ("vnni", "bf16") if host[name]) or "neither VNNI nor BF16"
    n_calls = min(row["n_calls_timed"] for row in report["rows"])
    since = [_since(change) for change in changes] or [
        "Nothing to compare with: no earlier run on this host, data and number of sentences."
    ]
    machine = f"{host['n_threads']} threads, {host['n_cpus']} CPUs of {host['cpu']} ({able})"
    return PAGE.format(
        at=report["at"],
        what=f"{report['n_sentences']} sentences of {report['data']}, {rounds} rounds in turns, {machine}.",
        table=render_table(report["rows"]),
        n_calls=n_calls,
        since="\n".join(since),
    )


def _since(change: Change) -> str:
    figure = "{:,.2f}x stock FP32" if change.relative else "{:,.0f} words/s"
    of = f"version {change.version}, {change.at}" if change.version else change.at
    now, before = figure.format(change.now), figure.format(change.before)
    aside = "" if change.judged else "; the others are measured by it"
    name = f"{change.engine} at batch size {change.batch_size}"
    return f"- {name}: {now} after {before} ({of}), {-change.slower_share:+.1%}{aside}"


def render_table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each engine and batch size, with the speed-up over the first engine."""
    base = {row["batch_size"]: row["words_per_s"] for row in reversed(rows) if row["engine"] == rows[0]["engine"]}
    lines = [
        f"| batch size | engine | words/s | least to most | over {rows[0]['engine']} | p50 ms | p95 ms | p99 ms | F1 |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ratio = row["words_per_s"] / base[row["batch_size"]]
        speed = f"{row['words_per_s']:,.0f} | {row['words_per_s_min']:,.0f} to {row['words_per_s_max']:,.0f}"
        calls = " | ".join(f"{row[name]:,.2f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
        lines.append(f"| {row['batch_size']} | {row['engine']} | {speed} | {ratio:.2f}x | {calls} | {row['f1']:.4f} |")
    return "\n".join(lines) + "\n"


def plot_benchmark(rows: Sequence[Row], folder: Path) -> None:
    """`plot.png` and `.svg`, words per second; `latency.png` and `.svg`, milliseconds of a call: by batch size."""
    from matplotlib.figure import Figure

    for name, draw in (("plot", _speeds), ("latency", _latencies)):
        # two of them stand side by side on a page: few inches, so that their words are large there
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        draw(axes, rows)
        sizes = _distinct(rows, "batch_size")
        axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
        axes.set_xlabel("batch size, sentences")
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        for suffix in ("png", "svg"):
            figure.savefig(folder / f"{name}.{suffix}", dpi=150)


def _speeds(axes: "Axes", rows: Sequence[Row]) -> None:
    """Bars of the median round, with whiskers from the slowest to the fastest; entity F1 in the legend."""
    for label, at, width, ours in _groups(rows):
        speeds = [row["words_per_s"] for row in ours]
        least_to_most = [
            [row["words_per_s"] - row["words_per_s_min"] for row in ours],
            [row["words_per_s_max"] - row["words_per_s"] for row in ours],
        ]
        bars = axes.bar(at, speeds, width, label=label, yerr=least_to_most, error_kw={"lw": 0.8, "capsize": 2})
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=2)
    axes.set_ylabel("words per second")
    axes.set_title("Tagging speed by precision (higher is better)")


def _latencies(axes: "Axes", rows: Sequence[Row]) -> None:
    """Bars of the median call, a whisker up to p99 with a mark at p95."""
    for label, at, width, ours in _groups(rows):
        p50, p95, p99 = ([row[name] for row in ours] for name in ("p50_ms", "p95_ms", "p99_ms"))
        above = [high - middle for high, middle in zip(p99, p50, strict=True)]
        bars = axes.bar(at, p50, width, label=label, yerr=[[0] * len(above), above], error_kw={"lw": 0.8, "capsize": 2})
        axes.plot(at, p95, linestyle="none", marker="_", markersize=8, color="black")
        axes.bar_label(
            bars, labels=[f"{value:,.{1 if value < 100 else 0}f}" for value in p50], fontsize=7, label_type="center"
        )
    axes.set_yscale("log")
    axes.set_ylabel("milliseconds per call")
    axes.set_title("Time of a call: bar p50, mark p95, whisker p99 (lower is better)")


def plot_learning_curve(history: Sequence[Row], curve: Sequence[Row], folder: Path) -> None:
    """`learning.png` and `.svg`: loss and dev F1 by step, the learning rate below them.

    Args:
        history: of each epoch its last `step` and its F1s on the dev part.
        curve: `step`, `loss` and `learning_rate` now and then.
        folder: where to.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    steps = [point["step"] for point in curve]
    above.plot(steps, [point["loss"] for point in curve], color="tab:grey", lw=1, label="loss, mean of 25 steps")
    above.set_ylabel("loss")
    f1s = above.twinx()
    for name, says, mark in (("dev_f1", "dev F1", "o"), ("dev_f1_averaged", "dev F1, averaged weights", "s")):
        if found := [(line["step"], line[name]) for line in history if name in line]:
            f1s.plot(*zip(*found, strict=True), marker=mark, label=says)
    f1s.set_ylabel("entity F1 on the dev part")
    below.plot(steps, [point["learning_rate"] for point in curve], color="tab:green", lw=1)
    below.set_ylabel("learning rate")
    below.set_xlabel("steps")
    for axes in (above, below):
        axes.spines[["top"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"learning.{suffix}", dpi=150)


def _groups(rows: Sequence[Row]) -> Iterator[tuple[str, list[float], float, list[Row]]]:
    """Of each engine: its name with its entity F1, where its bars stand, how wide, and its rows by batch size."""
    engines, sizes = _distinct(rows, "engine"), _distinct(rows, "batch_size")
    width = 0.8 / len(engines)
    for index, engine in enumerate(engines):
        ours = [row for row in rows if row["engine"] == engine]
        offset = (index - (len(engines) - 1) / 2) * width
        at = [sizes.index(row["batch_size"]) + offset for row in ours]
        yield f"{engine}, F1 {ours[0]['f1']:.4f}", at, width, ours


def _distinct(rows: Sequence[Row], name: str) -> list[Any]:
    return list(dict.fromkeys(row[name] for row in rows))
