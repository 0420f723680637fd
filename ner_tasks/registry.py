"""Model versions: which there are, which one is promoted, and since when.

models/<version>/trained|frozen|int8/   the models, immutable
models/<version>/version.json           written last: the version has passed its gate and counts
models/promoted.json                    the pointer that the nightly run follows
models/history.jsonl                    a line for each promotion

A promotion is the swap of the pointer, which of two at once only one can do. The history follows; a promotion
that was killed before it wrote its line is read from the pointer, and written down by the next.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ner_tasks import artifacts
from ner_tasks.artifacts import Kind, ModelManifest
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.store import Store

POINTER = "models/promoted.json"
HISTORY = "models/history.jsonl"
MARKER = "version.json"


@dataclass(frozen=True)
class Promotion:
    """One line of the history; the newest is the pointer.

    Attributes:
        version: the version.
        kind: which of its models is used.
        by: who or what promoted it.
        at: when, ISO 8601, UTC.
        metrics: the figures that it was promoted for.
        previous: the version that it took the place of, if any.
    """

    version: str
    kind: Kind
    by: str
    at: str
    metrics: dict[str, Any] = field(default_factory=dict)
    previous: str | None = None


class Registry:
    """The models of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def fetch(self, version: str, kind: Kind) -> Path:
        """Local folder of a model, its files not checked.

        Raises:
            InputMissing: there is none.
        """
        return self.store.fetch(f"{_home(version)}/{kind}")

    def find(self, version: str, kind: Kind) -> ModelManifest | None:
        """Manifest of a model that lies here and is sound; None if it has to be made (again)."""
        try:
            return artifacts.open_model(self.fetch(version, kind))
        except (InputMissing, ArtifactBroken):
            return None

    def put(self, version: str, kind: Kind, folder: Path) -> None:
        """Publish a model folder as `kind` of `version`, once it has been checked.

        Raises:
            InputMissing, ArtifactBroken: it is not a sound model folder of that kind.
        """
        manifest = artifacts.open_model(folder)
        if manifest.kind != kind:
            raise ArtifactBroken(f"found a {manifest.kind} model, expected {kind}, at {folder}")
        self.store.publish(folder, f"{_home(version)}/{kind}", marker=artifacts.MANIFEST)

    def register(self, version: str, details: Mapping[str, Any]) -> None:
        """Let a version count, which must have a sound trained model; again changes nothing."""
        artifacts.open_model(self.fetch(version, "trained"))
        if not self.store.exists(f"{_home(version)}/{MARKER}"):
            self.store.write_json(f"{_home(version)}/{MARKER}", {"version": version, "at": _now(), **details})

    def versions(self) -> list[str]:
        """Versions that have passed their gate, oldest first."""
        names = [name for name in self.store.folders("models") if self.store.exists(f"{_home(name)}/{MARKER}")]
        return sorted(names, key=lambda name: str(self.details(name)["at"]))

    def details(self, version: str) -> dict[str, Any]:
        """What was said when `version` was registered.

        Raises:
            InputMissing: there is no such version.
        """
        key = f"{_home(version)}/{MARKER}"
        if not self.store.exists(key):
            where = self.store.where("models")
            raise InputMissing(f"found no version {version!r}, expected one that is registered, in {where}")
        return dict(self.store.read_json(key))

    def promoted(self) -> Promotion | None:
        """The version that the nightly run uses, None before the first promotion."""
        return Promotion(**self.store.read_json(POINTER)) if self.store.exists(POINTER) else None

    def resolve(self, version: str | None = None, kind: Kind = "int8") -> tuple[str, Path]:
        """A version and the folder of its sound model; the promoted one unless a version is named.

        Raises:
            InputMissing: there is none.
            ArtifactBroken: its files have changed.
        """
        if version is None:
            promotion = self.promoted()
            if promotion is None:
                raise InputMissing(f"found no promoted model, expected one, at {self.store.where(POINTER)}")
            version, kind = promotion.version, promotion.kind
        path = self.fetch(version, kind)
        artifacts.open_model(path)
        return version, path

    def promote(self, version: str, kind: Kind, *, by: str, metrics: Mapping[str, Any]) -> Promotion:
        """Let the nightly run use a version from now on; the one promoted already stays as it is.

        Raises:
            InputMissing, ArtifactBroken: it is not a registered version with a sound model.
            Busy: somebody else is promoting.
        """
        self.details(version)
        artifacts.open_model(self.fetch(version, kind))
        seen = self.store.etag(POINTER)
        current = self.promoted()
        if current:
            self._note(current)
            if (current.version, current.kind) == (version, kind):
                return current
        previous = current.version if current else None
        promotion = Promotion(version, kind, by, _now(), dict(metrics), previous)
        self.store.swap_json(POINTER, asdict(promotion), etag=seen)
        self._note(promotion)
        return promotion

    def history(self) -> list[Promotion]:
        """All promotions, oldest first."""
        past = [Promotion(**json.loads(line)) for line in self.store.read_lines(HISTORY)]
        current = self.promoted()
        return past if current is None or current in past else [*past, current]

    def _note(self, promotion: Promotion) -> None:
        self.store.append_line(HISTORY, json.dumps(asdict(promotion), ensure_ascii=False))


def _home(version: str) -> str:
    if "/" in version or not version:
        raise ConfigInvalid(f"found version {version!r}, expected a name without '/'")
    return f"models/{version}"


def _now() -> str:
    # no two promotions in the same one: a line of the history is written once
    return datetime.now(UTC).isoformat(timespec="microseconds")
