"""Compare two models' predictions on the same documents: entities added, removed, relabelled, moved.

Both files are read in parallel, one document at a time; an index is built only if their order differs.
"""

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ner_tasks import display
from ner_tasks.tagging.answers import Answer, AnswerFiles, list_files, parse_answer, read_answers, read_lines

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Entity = Mapping[str, Any]
# The old entity and the new one, None where there is none.
Pair = tuple[Entity | None, Entity | None]
_Place = tuple[int, int]  # number of a file, and offset in it in bytes

KINDS = ("added", "removed", "moved", "relabelled")
_CONTEXT, _LONGEST = 60, 300


@dataclass
class PredictionDiff:
    """Result of `diff_predictions`; `as_dict` converts it to JSON, and a rich console prints it.

    Each entity of one side has at most one partner on the other, so that `n_new == n_old + n_added - n_removed`; per
    label, relabelled entities count as well.

    Attributes:
        models: versions of the models, old and new.
        n_compared: number of documents on both sides with the same text.
        n_changed: number of compared documents whose entities differ.
        not_compared: documents that were not compared, by reason: `only_old`, `only_new`, or `other_text` if the same
            file was read as a different text; their number, and the names of the first few.
        labels: per label, the number of `old` and `new` entities, and of those `kept`, `added`, `removed`, `moved` (same
            label, overlapping bounds), `relabelled_to` and `relabelled_from` it.
        relabelled: number of entities with the same bounds by (old label, new label).
        examples: random examples by kind and label.
    """

    models: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))
    n_compared: int = 0
    n_changed: int = 0
    not_compared: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    labels: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    relabelled: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def total(self, column: str) -> int:
        """Return the sum of one column of `labels` over all labels."""
        return sum(counts[column] for counts in self.labels.values())

    def as_dict(self) -> dict[str, Any]:
        """Convert to a JSON object."""
        columns = ("old", "new", "kept", "added", "removed", "moved", "relabelled_from", "relabelled_to")
        examples: dict[str, dict[str, list[dict[str, Any]]]] = {kind: {} for kind in KINDS}
        for (kind, label), kept in sorted(self.examples.items()):
            examples[kind][label] = kept
        return {
            "models": {"old": sorted(self.models[0]), "new": sorted(self.models[1])},
            "n_documents": {"compared": self.n_compared, "changed": self.n_changed},
            "apart": {why: {"n": n, "names": names} for why, (n, names) in sorted(self.not_compared.items())},
            "n_entities": {column: self.total(column) for column in columns[:-2]}
            | {"relabelled": self.relabelled.total()},
            "labels": {
                label: {column: self.labels[label][column] for column in columns} for label in sorted(self.labels)
            },
            "relabelled": [{"old": old, "new": new, "n": n} for (old, new), n in self.relabelled.most_common()],
            "examples": examples,
        }

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.table import Table
        from rich.text import Text

        old, new = (", ".join(sorted(versions)) or "none" for versions in self.models)
        yield Text(f"{old} -> {new}", style="bold")
        yield Text(f"{self.n_compared:,} documents compared, {self.n_changed:,} differ")
        for why, (n, names) in sorted(self.not_compared.items()):
            shown = display.neutralize(", ".join(name[:80] for name in names))
            yield Text(f"{why.replace('_', ' ')}: {n:,} ({shown}{', …' if n > len(names) else ''})")
        table = Table()
        table.add_column("label")
        columns = {"old": "old", "new": "new", "added": "added", "removed": "removed", "moved": "moved"}
        columns |= {"relabelled_from": "to others", "relabelled_to": "from others"}
        for title in columns.values():
            table.add_column(title, justify="right")
        for label in sorted(self.labels):
            table.add_row(Text(display.neutralize(label)), *(f"{self.labels[label][column]:,}" for column in columns))
        table.add_section()
        table.add_row("all", *(f"{self.total(column):,}" for column in columns))
        yield table
        for (kind, label), kept in sorted(self.examples.items()):
            yield Text(f"\n{kind} {display.neutralize(label)}", style="bold")
            for example in kept:
                yield Text(f"  {display.neutralize(example['document'][:120])}", style="dim")
                yield from _example_lines(example)


def diff_predictions(old: AnswerFiles, new: AnswerFiles, *, n_examples: int = 3, seed: int = 0) -> PredictionDiff:
    """Compare two answers to the same documents, each one `documents.jsonl` or those of its parts.

    Documents are matched by name and SHA-256; repeated documents are matched in order.

    Args:
        old: answers of the old model.
        new: answers of the new model.
        n_examples: number of examples kept per kind and label, and of names of documents that were not compared.
        seed: seed of the random choice of examples.

    Raises:
        InputMissing: a file is missing.
        ArtifactBroken: a line is not an answer.
    """
    builder = _DiffBuilder(n_examples, random.Random(seed))
    for before, after in _pair_answers(old, new):
        builder.add(before, after)
    return builder.diff


class _DiffBuilder:
    """Builds a `PredictionDiff` one document at a time."""

    def __init__(self, n_examples: int, chance: random.Random):
        self.diff, self._n_examples, self._chance = PredictionDiff(), n_examples, chance
        self._n_seen: Counter[tuple[str, str]] = Counter()

    def add(self, old: Answer | None, new: Answer | None) -> None:
        for side, answer in enumerate((old, new)):
            if answer and (version := answer.receipt.get("model_version")):
                self.diff.models[side].add(str(version))
        if old is None or new is None:
            self._skip("only_old" if old else "only_new", old or new)
        elif old.text_sha256 != new.text_sha256:
            self._skip("other_text", new)
        else:
            n_same = sum(
                self._is_same(before, after, new) for before, after in pair_entities(old.entities, new.entities)
            )
            self.diff.n_compared += 1
            self.diff.n_changed += not n_same == len(old.entities) == len(new.entities)

    def _skip(self, why: str, answer: Answer | None) -> None:
        n, names = self.diff.not_compared.get(why, (0, []))
        self.diff.not_compared[why] = n + 1, [*names, *([answer.document] if answer else [])][: self._n_examples]

    def _is_same(self, old: Entity | None, new: Entity | None, answer: Answer) -> bool:
        """Count a pair of entities under its kind; return whether both are the same."""
        labels = self.diff.labels
        for side, entity in (("old", old), ("new", new)):
            if entity:
                labels[entity["label"]][side] += 1
        if old is None or new is None:
            self._count("removed" if old else "added", (old or new or {})["label"], old, new, answer)
        elif (old["start"], old["end"]) != (new["start"], new["end"]):
            self._count("moved", new["label"], old, new, answer)
        elif old["label"] != new["label"]:
            self.diff.relabelled[old["label"], new["label"]] += 1
            labels[old["label"]]["relabelled_from"] += 1
            labels[new["label"]]["relabelled_to"] += 1
            self._keep_example(("relabelled", f"{old['label']} -> {new['label']}"), old, new, answer)
        else:
            labels[new["label"]]["kept"] += 1
            return True
        return False

    def _count(self, kind: str, label: str, old: Entity | None, new: Entity | None, answer: Answer) -> None:
        self.diff.labels[label][kind] += 1
        self._keep_example((kind, label), old, new, answer)

    def _keep_example(self, key: tuple[str, str], old: Entity | None, new: Entity | None, answer: Answer) -> None:
        """Keep a uniform random sample of the examples (reservoir sampling)."""
        self._n_seen[key] += 1
        kept = self.diff.examples.setdefault(key, [])
        if len(kept) < self._n_examples:
            kept.append(_example(answer, old, new))
        elif (place := self._chance.randrange(self._n_seen[key])) < len(kept):
            del kept[place]  # append instead of replacing: keeps the order of the documents
            kept.append(_example(answer, old, new))


def pair_entities(old: tuple[Entity, ...], new: tuple[Entity, ...]) -> Iterator[Pair]:
    """Pair the entities of two models; yields each entity once, with its partner or None.

    Partners have the same bounds, or else the same label and overlapping bounds; the largest overlap wins.

    Args:
        old: entities in text order, without overlaps.
        new: likewise.
    """
    at = {(entity["start"], entity["end"]): index for index, entity in enumerate(new)}
    partner = [at.get((entity["start"], entity["end"])) for entity in old]
    taken = {index for index in partner if index is not None}
    # largest overlap first, so that swapping old and new gives the same pairs
    for _, _, number, index in sorted(_overlaps(old, new)):
        if partner[number] is None and index not in taken:
            partner[number] = index
            taken.add(index)
    for entity, match in zip(old, partner, strict=True):
        yield entity, None if match is None else new[match]
    yield from ((None, entity) for index, entity in enumerate(new) if index not in taken)


def _overlaps(old: tuple[Entity, ...], new: tuple[Entity, ...]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the overlaps of entities with the same label: negated length, start, and index on either side."""
    first = 0
    for number, entity in enumerate(old):
        while first < len(new) and new[first]["end"] <= entity["start"]:
            first += 1
        index = first
        while index < len(new) and new[index]["start"] < entity["end"]:
            start, end = max(entity["start"], new[index]["start"]), min(entity["end"], new[index]["end"])
            if new[index]["label"] == entity["label"]:
                yield start - end, start, number, index
            index += 1


def _pair_answers(old: AnswerFiles, new: AnswerFiles) -> Iterator[tuple[Answer | None, Answer | None]]:
    """The answers of both files by document: side by side while these are the same, then by an index of the new ones."""
    earlier, n_same, before = read_answers(old), 0, None
    for after in read_answers(new):
        before = next(earlier, None)
        if before is None or _key(before) != _key(after):
            break
        yield before, after
        before, n_same = None, n_same + 1
    paths = list_files(new)
    offsets = _offsets(paths, skip=n_same)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")) for path in paths]
        while (before := before or next(earlier, None)) is not None:
            waiting = offsets.pop(_key(before), ())
            if waiting[1:]:
                offsets[_key(before)] = waiting[1:]
            yield before, _answer_at(files, waiting[0]) if waiting else None
            before = None
        yield from ((None, _answer_at(files, place)) for place in sorted(chain.from_iterable(offsets.values())))


def _offsets(paths: Sequence[Path], *, skip: int) -> dict[bytes, tuple[_Place, ...]]:
    """Index the places of the answers after the first `skip` ones; a document may occur twice."""
    offsets: dict[bytes, tuple[_Place, ...]] = {}
    for part, path in enumerate(paths):
        offset = 0
        for where, line in read_lines(path):
            if (skip := skip - 1) < 0:
                key = _key(parse_answer(line, where))
                offsets[key] = (*offsets.get(key, ()), (part, offset))
            offset += len(line)
    return offsets


def _answer_at(files: Sequence[BinaryIO], place: _Place) -> Answer:
    files[place[0]].seek(place[1])
    return parse_answer(files[place[0]].readline(), f"{files[place[0]].name}, byte {place[1]}")


def _key(answer: Answer) -> bytes:
    # a short hash, as there may be a million of them
    name = answer.document.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(name + b"\0" + answer.sha256.encode(), digest_size=16).digest()


def _example(answer: Answer, old: Entity | None, new: Entity | None) -> dict[str, Any]:
    entities = [entity for entity in (old, new) if entity]
    start = max(min(entity["start"] for entity in entities) - _CONTEXT, 0)
    end = min(max(entity["end"] for entity in entities) + _CONTEXT, start + _LONGEST)
    names = ("start", "end", "label", "score")
    return {
        "document": answer.document,
        "old": {name: old[name] for name in names} if old else None,
        "new": {name: new[name] for name in names} if new else None,
        # start of the context in characters; the context is None if the text was not kept
        "context_start": start,
        "context": None if answer.text is None else answer.text[start:end],
    }


def _example_lines(example: Mapping[str, Any]) -> Iterator[Any]:
    from rich.text import Text

    for sign, entity in (("-", example["old"]), ("+", example["new"])):
        if entity is None:
            continue
        text, start = example["context"] or "", example["context_start"]
        inside = {**entity, "start": entity["start"] - start, "end": min(entity["end"] - start, len(text))}
        if inside["start"] >= inside["end"]:  # no text, or the entity lies outside the context
            shown = Text(f"[{entity['start']}, {entity['end']}) {display.neutralize(entity['label'])}")
        else:
            shown = Text(str(display.make_excerpt(text, [inside], n_characters=len(text))))
        yield Text(f"  {sign} ") + shown
