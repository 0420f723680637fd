"""A benchmark's rows as a table and as a chart, FP32 beside INT8 at each batch size, as the reference kit shows them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each engine and batch size, with the speed-up over the first engine."""
    base = {row["batch_size"]: row["words_per_s"] for row in reversed(rows) if row["engine"] == rows[0]["engine"]}
    lines = [
        f"| batch size | engine | words/s | ms per call | over {rows[0]['engine']} | entity F1 |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ratio = row["words_per_s"] / base[row["batch_size"]]
        speed = f"{row['words_per_s']:,.0f} | {row['call_ms']:,.2f} | {ratio:.2f}x"
        lines.append(f"| {row['batch_size']} | {row['engine']} | {speed} | {row['f1']:.4f} |")
    return "\n".join(lines) + "\n"


def plot(rows: Sequence[Row], folder: Path) -> None:
    """`plot.png` and `plot.svg`: words per second by batch size, a bar for each engine."""
    from matplotlib.figure import Figure

    engines = list(dict.fromkeys(row["engine"] for row in rows))
    sizes = list(dict.fromkeys(row["batch_size"] for row in rows))
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(engines)
    for index, engine in enumerate(engines):
        speeds = {row["batch_size"]: row["words_per_s"] for row in rows if row["engine"] == engine}
        at = [position + (index - (len(engines) - 1) / 2) * width for position in range(len(sizes))]
        bars = axes.bar(at, [speeds[size] for size in sizes], width, label=engine)
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=2)
    axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    axes.set_xlabel("batch size, sentences")
    axes.set_ylabel("words per second")
    axes.set_title("Tagging speed by precision (higher is better)")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"plot.{suffix}", dpi=150)
