"""Model card of a version as Markdown and HTML, from the records of its training and quantization.
It can be made again at any time, and is kept when the version is pruned.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ner_tasks import display
from ner_tasks.data import part_sizes, snapshot
from ner_tasks.errors import InputMissing
from ner_tasks.model import model_folder
from ner_tasks.model.model_folder import Kind, ModelManifest
from ner_tasks.records import ComparisonRecord, SizedSnapshot, TrainingRecord, describe_choice, read_record
from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys

_HERE = Path(__file__).parent
_KINDS: tuple[Kind, ...] = ("trained", "frozen", "int8")
_WEAK_F1, _FEW_ENTITIES = 0.6, 50


@dataclass(frozen=True)
class CardSection:
    """A table with its heading; without `columns`, each row is a name and a value."""

    title: str
    rows: Sequence[tuple[str, ...]]
    columns: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def publish_card(registry: Registry, version: str) -> str:
    """Write the model card of a version to the store.

    Returns:
        Key of the card without its suffix.

    Raises:
        InputMissing: there is no such version.
        ArtifactBroken: files of one of its models have changed.
    """
    sections = list(build_sections(registry, version))
    key = keys.model_card(version)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, text in (("md", render_markdown(version, sections)), ("html", render_html(version, sections))):
            path = Path(folder) / f"card.{suffix}"
            path.write_text(text, encoding="utf-8")
            registry.store.put_file(path, f"{key}.{suffix}")
    return key


def build_sections(registry: Registry, version: str) -> Iterator[CardSection]:
    """Build the sections of a version's card, after checking its models' files."""
    details = registry.details(version)
    kinds = [kind for kind in _KINDS if registry.store.exists(keys.model(version, kind, model_folder.MANIFEST))]
    models = {kind: model_folder.read_manifest(registry.fetch(version, kind)) for kind in kinds}
    if "trained" not in models:
        raise InputMissing(
            f"found no trained model, expected one, in {registry.store.where(keys.model_version(version))}"
        )
    yield _make_overview(version, details, models["trained"])
    yield _make_provenance(details, models["trained"].lineage)
    yield from _make_data(registry, details)
    reports: dict[str, Mapping[str, Any]] = {"FP32": details}
    key = keys.comparison_scores(version)
    compared = read_record(registry.store, key, ComparisonRecord) if registry.store.exists(key) else None
    if compared:
        reports = {"FP32": compared.get("fp32", details), "INT8": compared["int8"]}
    yield from _make_quality(reports)
    if compared:
        speed = [(name, _shown(value)) for name, value in compared["speed"].items()]
        yield CardSection("Speed of INT8", speed, notes=("In words per second, or as a speed-up factor.",))
    yield from _make_size(registry, version)
    if details.get("gate"):
        yield CardSection("Gate of the trained model", [(line,) for line in details["gate"]])
    used = [(p.at[:19], p.action, p.kind, p.by, p.reason) for p in registry.history() if p.version == version]
    if used:
        yield CardSection("Promotions", used, ("at", "action", "model", "by", "reason"))
    files = [(kind, name, sha) for kind, model in models.items() for name, sha in sorted(model.files.items())]
    yield CardSection("Files", files, ("model", "file", "SHA-256"))


def render_markdown(version: str, sections: Sequence[CardSection]) -> str:
    """Render the card as Markdown."""
    lines = [f"# Model {version}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        width = max([len(section.columns), *(len(row) for row in section.rows)])
        header = section.columns or [""] * width
        for row in [header, ["---"] * width, *section.rows]:
            lines.append(f"| {' | '.join(_cell(text) for text in row)} |")
        lines += ["", *(line for note in section.notes for line in (note, ""))]
    return "\n".join(lines)


def render_html(version: str, sections: Sequence[CardSection]) -> str:
    """Render the card as HTML without scripts or external resources."""
    environment = display.make_template_environment(_HERE)
    return environment.get_template("card.html.jinja").render(version=version, sections=sections)


def _make_overview(version: str, details: Mapping[str, Any], model: ModelManifest) -> CardSection:
    sizes = [f"{model.encoder[name]} {unit}" for name, unit in _SIZES.items() if name in model.encoder]
    rows = [
        ("Version", version),
        ("Registered", str(details["at"])[:19]),
        ("Labels", ", ".join(model.labels)),
        ("Encoder", f"BERT: {', '.join(sizes)}" if sizes else "BERT"),
        ("Layers kept", model_folder.describe_layers(model)),
        ("Window", f"{model.max_pieces} word pieces; longer sentences are split into several windows"),
        ("Temperature of words", _shown(model.temperature)),
        ("Temperature of entities", _shown(model.entity_temperature) or "none: scores are those of the words"),
    ]
    use = "Intended for English text similar to its training data; not tested on other text. Scores are calibrated."
    return CardSection("Overview", rows, notes=(use,))


_SIZES = {"num_hidden_layers": "layers", "hidden_size": "hidden units", "vocab_size": "word pieces"}


def _make_provenance(details: Mapping[str, Any], lineage: Mapping[str, Any]) -> CardSection:
    rows: list[tuple[str, ...]] = [
        ("Snapshot", str(details.get("snapshot") or "unknown")),
        ("Parent", str(details.get("parent") or "pretrained encoder")),
    ]
    for name in ("code", "environment", "config"):
        value = details.get(name) or lineage.get(name)
        rows += _flat(name.capitalize(), value) if value else [(name.capitalize(), "unknown")]
    return CardSection("Provenance", rows)


def _make_data(registry: Registry, details: Mapping[str, Any]) -> Iterator[CardSection]:
    """Describe the parts of the snapshot; nothing if it was pruned."""
    key = keys.snapshot(details["snapshot"], snapshot.MANIFEST) if details.get("snapshot") else ""
    if not key or not registry.store.exists(key):
        return
    parts = read_record(registry.store, key, SizedSnapshot)["parts"]
    rows = [
        (part, f"{sizes['n_sentences']:,}", f"{sum(sizes['n_entities'].values()):,}") for part, sizes in parts.items()
    ]
    notes = [f"Too small to decide by: {line}." for line in part_sizes.describe_small_parts(parts)]
    yield CardSection("Data", rows, ("part", "sentences", "entities"), notes)


def _make_quality(reports: Mapping[str, Mapping[str, Any]]) -> Iterator[CardSection]:
    for name, report in reports.items():
        if "overall" not in report:
            continue
        scores = {"all": report["overall"], **report.get("labels", {})}
        rows = [
            (label, *(_shown(score.get(figure)) for figure in ("precision", "recall", "f1", "n_gold")))
            for label, score in scores.items()
        ]
        yield CardSection(
            f"Quality of {name}", rows, ("label", "precision", "recall", "F1", "entities"), _warnings(scores)
        )


def _make_size(registry: Registry, version: str) -> Iterator[CardSection]:
    """Yield what right-sizing has found, if the version was right-sized."""
    key = keys.training_report(version)
    report = read_record(registry.store, key, TrainingRecord) if registry.store.exists(key) else {}
    sized = report.get("right_size")
    if not sized:
        return
    rows = [
        (
            ", ".join(map(str, row["layers"])),
            *(_shown(row[name]) for name in ("dev_f1", "loss", "words_per_s", "speed_up")),
            f"chosen: {row['verdict']}" if row["chosen"] else row["verdict"],
        )
        for row in sized["candidates"]
    ]
    notes = [f"Chosen: {describe_choice(sized)}. F1 and loss are of the dev part; size.svg shows the curve."]
    if test := sized["test"]:
        notes.append(f"On test: entity F1 {test['challenger']:.4f}, full model {test['champion']:.4f}.")
    columns = ("layers", "F1", "loss", "words/s, INT8", "speed-up", "verdict")
    yield CardSection("Right-sizing", rows, columns, notes)


def _warnings(scores: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    weak = [label for label, score in scores.items() if score.get("f1", 1) < _WEAK_F1]
    few = [label for label, score in scores.items() if score.get("n_gold", _FEW_ENTITIES) < _FEW_ENTITIES]
    warnings = [f"Unreliable (F1 below {_WEAK_F1}): {', '.join(weak)}."] if weak else []
    warnings += [f"Too few entities to measure (fewer than {_FEW_ENTITIES}): {', '.join(few)}."] if few else []
    return tuple(warnings)


def _flat(name: str, value: Any) -> list[tuple[str, ...]]:
    if isinstance(value, Mapping):
        return [row for key, inner in value.items() for row in _flat(f"{name}: {key}", inner)]
    return [(name, _shown(value))]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 100 else f"{value:,.0f}"
    return "" if value is None else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
