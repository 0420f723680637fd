"""Write results as Markdown: a row for each engine, ours first, with our speed-up."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers.engines import RIGHT_SIZED
from benchmarks.peers.goals import MAX_F1_LOSS

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
        parts += [f"## {load}", _table(rows, [results["baseline"]], "ms a call" if "latency" in load else "pieces/s")]
    return "\n\n".join([*parts, _missing(results), _memory(results, "graph")]).strip() + "\n"


def text_page(results: Results) -> str:
    """Return the page of the whole way from documents to entities, every engine in its best form."""
    load, baseline = results["text"], results["baseline"]
    full = [row for row in load["rows"] if row["engine"] != RIGHT_SIZED]
    parts = [
        "# Same weights in every engine",
        _describe(results),
        (
            f"{load['n_words']:,} words in {load['n_documents']:,} documents of {load['per_document']} sentences: split into "
            "sentences and words, tokenized, tagged, decoded to entities with offsets. Each peer in its best form. F1 over "
            f"the whole entities of {load['n_scored']:,} held-out sentences. {_singles(load)}"
        ),
        _table(full, _ours(load["rows"], baseline), "words/s", with_f1=True),
        _right_sized(results),
        _goals(results["goals"]),
    ]
    return "\n\n".join([*filter(None, parts), _missing(results), _forms(results)]).strip() + "\n"


def documented_page(results: Results) -> str:
    """Return the page of the tools as their documentation has a user run them."""
    load, baseline = results["documented"], results["baseline"]
    parts = [
        "# Each tool as its documentation has it",
        _describe(results),
        (
            f"{load['n_words']:,} words in {load['n_texts']:,} strings of a sentence each, from string to entities. Ours: "
            '`Tagger.find_entities`. `documented-*`: a Hugging Face `pipeline` with `aggregation_strategy="simple"`, in '
            "batches of 1, its default, or 32; over PyTorch, or over a runtime as Optimum's classes have it. The kit: 32 "
            "sentences padded to 128 pieces. F1 over characters of "
            f"{load['n_scored']:,} held-out sentences, decoded as each tool does it. {_singles(load)}"
        ),
        _table(load["rows"], _ours(load["rows"], baseline), "words/s", with_f1=True),
        _right_sized(results),
    ]
    return "\n\n".join([*filter(None, parts), _missing(results)]).strip() + "\n"


def _ours(rows: Sequence[Mapping[str, Any]], baseline: str) -> list[str]:
    """Return the engines that a table compares with: the right-sized one, if it ran, and the baseline."""
    return [name for name in (RIGHT_SIZED, baseline) if name == baseline or any(name == row["engine"] for row in rows)]


def _singles(load: Mapping[str, Any]) -> str:
    return (
        f"ms: one sentence at a time, median (p50) of {load['n_singles']:,}; the ratio after it is that of the latency."
    )


def _right_sized(results: Results) -> str:
    """Say what the right-sized model is, and its figures in the same rounds."""
    made, rows = results["right_sized"], results.get("text", {}).get("rows", [])
    if made is None:
        return ""
    text = (
        f"`{RIGHT_SIZED}`: version {made['model']}, {made['n_layers']} of {made['n_layers_full']} layers, "
        f"{100 * made['weights_share']:.0f} % of their weights; all others run the full model."
    )
    for row in rows:
        if row["engine"] == RIGHT_SIZED:
            text += (
                f" From documents, in the rounds of the same weights: {spread(row['rate'], plain=True)} words/s, "
                f"F1 {row['f1']:.4f}, {spread(row['latency_ms'], plain=True)} ms, {row['peak_mib']:,.0f} MiB."
            )
    return text


def _goals(goals: Sequence[Mapping[str, Any]]) -> str:
    if not goals:
        return ""
    lines = [
        "## Goals",
        "",
        "| goal | fastest peer | asked for | measured | F1 lost | reached |",
        "|---|---|---:|---:|---:|---|",
    ]
    for goal in goals:
        loss = _NONE if goal["f1_loss"] is None else f"{goal['f1_loss']:.4f}"
        cells = [goal["what"], goal["over"], f"{goal['at_least']:g}x", spread(goal["measured"]), loss]
        lines.append(f"| {' | '.join(cells)} | {'yes' if goal['reached'] else 'no'} |")
    return "\n".join(
        [*lines, "", f"The right-sized model may lose at most {MAX_F1_LOSS} of F1 against our full model."]
    )


def _describe(results: Results) -> str:
    host, libraries = results["host"], ", ".join(f"{k} {v}" for k, v in sorted(results["versions"].items()))
    abilities = " and ".join([name for name in ("vnni", "bf16") if host[name]] or ["neither vnni nor bf16"])
    return (
        f"{host['cpu']}, {host['n_cpus']} processors, {abilities}; {host['n_threads']} threads per engine, "
        f"{results['rounds']} rounds; {results['shape']}, model {results['model']}; {libraries}."
    )


def _table(rows: Sequence[Mapping[str, Any]], ours: Sequence[str], unit: str, *, with_f1: bool = False) -> str:
    ratios = [f"{name} / it" for name in ours]
    head = ["engine", unit, *ratios, *(["F1", "ms", *ratios, "peak MiB"] if with_f1 else [])]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for row in rows:
        cells = [row["engine"], spread(row["rate"], plain=True), *(spread(row["ratios"].get(name)) for name in ours)]
        if with_f1:
            cells += [f"{row['f1']:.4f}" if row["f1"] is not None else _NONE, spread(row["latency_ms"], plain=True)]
            cells += [spread(row["latency_ratios"].get(name)) for name in ours]
            cells += [f"{row['peak_mib']:,.0f}"]
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
