"""Write results as Markdown: a row for each engine, ours first, with our speed-up."""

from collections.abc import Mapping, Sequence
from typing import Any

Results = Mapping[str, Any]
_NONE = "-"


def graph_page(results: Results) -> str:
    """Return the page of the graph alone: a table for each load."""
    parts = [
        "# The graph alone",
        _describe(results),
        (
            "Random ids, no padding. A call of 32x128 takes 32 windows of 128 pieces. Median of the rounds, least to most "
            f"in brackets; `{results['baseline']} / it` is the ratio within a round."
        ),
    ]
    for load, rows in results["graph"].items():
        parts += [f"## {load}", _table(rows, results["baseline"], "ms a call" if "latency" in load else "pieces/s")]
    return "\n\n".join([*parts, _missing(results), _memory(results, "graph")]).strip() + "\n"


def text_page(results: Results) -> str:
    """Return the page of the whole way from documents to entities."""
    load = results["text"]
    parts = [
        "# From text to entities",
        _describe(results),
        (
            f"{load['n_words']:,} words in {load['n_documents']:,} documents of {load['per_document']} sentences: split into "
            "sentences and words, tokenized, tagged, decoded to entities with offsets. F1 over the whole entities of "
            f"{load['n_scored']:,} held-out sentences."
        ),
        _table(load["rows"], results["baseline"], "words/s", with_f1=True),
    ]
    return "\n\n".join([*parts, _missing(results), _forms(results)]).strip() + "\n"


def _describe(results: Results) -> str:
    host, libraries = results["host"], ", ".join(f"{k} {v}" for k, v in sorted(results["versions"].items()))
    abilities = " and ".join([name for name in ("vnni", "bf16") if host[name]] or ["neither vnni nor bf16"])
    return (
        f"{host['cpu']}, {host['n_cpus']} processors, {abilities}; {host['n_threads']} threads per engine, "
        f"{results['rounds']} rounds; {results['shape']}, model {results['model']}; {libraries}."
    )


def _table(rows: Sequence[Mapping[str, Any]], baseline: str, unit: str, *, with_f1: bool = False) -> str:
    head = ["engine", unit, f"{baseline} / it", *(["F1", "peak MiB"] if with_f1 else [])]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for row in rows:
        cells = [row["engine"], spread(row["rate"], plain=True), spread(row["ratios"].get(baseline))]
        if with_f1:
            cells += [f"{row['f1']:.4f}" if row["f1"] is not None else _NONE, f"{row['peak_mib']:,.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(value: Mapping[str, float] | None, *, plain: bool = False) -> str:
    """Format median, minimum and maximum: `12.3 (11.9 .. 12.8)`, or `1.23x (1.20x .. 1.27x)`."""
    if value is None:
        return _NONE

    def shown(number: float) -> str:
        if not plain:
            return f"{number:.2f}x"
        return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"

    return f"{shown(value['median'])} ({shown(value['least'])} .. {shown(value['most'])})"


def _missing(results: Results) -> str:
    lines = [f"- `{name}` did not run: {reason}" for name, reason in results["failed"].items()]
    lines += [f"- `{name}` is left out: {reason}" for name, reason in results["left_out"].items()]
    return "\n".join(lines)


def _memory(results: Results, level: str) -> str:
    peaks = [
        f"{name} {report[level]['peak_mib']:,.0f}" for name, report in results["engines"].items() if level in report
    ]
    return f"Peak memory in MiB: {', '.join(peaks)}." if peaks else ""


def _forms(results: Results) -> str:
    lines = []
    for name, report in results["engines"].items():
        form = report.get("text", {}).get("form")
        if form:
            bound = "" if form["max_pieces"] >= 2**31 else f", {form['max_pieces']} pieces"
            variant = f"{form['variant']}, " if form["variant"] else ""
            encoding = "" if name.startswith("pipeline") else f", {form['encoding']}"
            lines.append(f"- `{name}`: {variant}batches of at most {form['max_windows']} windows{bound}{encoding}")
    return "\n".join(["Form of each peer, the best of those tried:", "", *lines]) if lines else ""
