"""Model versions: which there are, which one is promoted, and since when; `store/keys.py` says where they lie.

A promotion is the swap of the pointer, for which one at a time holds a lock and has checked the model under it. The
history follows; a promotion that was killed before it wrote its line is read from the pointer, and written down by the
next.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.inference import runtime_config
from ner_tasks.inference.runtime_config import RuntimeConfig
from ner_tasks.model import model_folder
from ner_tasks.model.model_folder import Kind, ModelManifest
from ner_tasks.records import RegistrationRecord, Shape, parse_records, read_record
from ner_tasks.registry.promotions import Promotion, previous_promotion
from ner_tasks.store import Store, keys

ORIGIN = ("code", "environment", "config", "parent")
PATIENCE_S = 120.0  # twice what the lock of a killed process holds on S3


class Registry:
    """The models of one store.

    Args:
        store: where they lie.
        patience_s: how long to wait for somebody else who moves the pointer.
    """

    def __init__(self, store: Store, *, patience_s: float = PATIENCE_S) -> None:
        self.store, self._patience_s = store, patience_s

    def fetch(self, version: str, kind: Kind) -> Path:
        """Local folder of a model, its files not checked.

        Raises:
            InputMissing: there is none.
        """
        return self.store.fetch(keys.model(_checked(version), kind))

    def find(self, version: str, kind: Kind) -> ModelManifest | None:
        """Manifest of a model that lies here and is sound; None if it has to be made (again)."""
        try:
            return model_folder.read_manifest(self.fetch(version, kind))
        except (InputMissing, ArtifactBroken):
            return None

    def put(self, version: str, kind: Kind, folder: Path) -> None:
        """Publish a model folder as `kind` of `version`, once it has been checked.

        Raises:
            InputMissing, ArtifactBroken: it is not a sound model folder of that kind.
        """
        manifest = model_folder.read_manifest(folder)
        if manifest.kind != kind:
            raise ArtifactBroken(f"found a {manifest.kind} model, expected {kind}, at {folder}")
        self.store.publish(folder, keys.model(_checked(version), kind), marker=model_folder.MANIFEST)

    def register(self, version: str, details: Mapping[str, Any]) -> None:
        """Let a version count, which must have a sound trained model; again changes nothing.

        Beside `details` stands what the model says of where it comes from: code, environment, configuration, parent.

        Raises:
            InputMissing, ArtifactBroken: there is no sound trained model.
            StorageFull: no room; the version does not count.
        """
        origin = model_folder.read_manifest(self.fetch(version, "trained")).lineage
        if not self.store.exists(keys.registration(version)):
            said = {"version": version, "at": _now(), **{name: origin.get(name) for name in ORIGIN}, **details}
            self.store.write_json(keys.registration(version), said)

    def runtime_configs(self, version: str) -> dict[str, RuntimeConfig]:
        """How each kind of machine runs a version best, as far as it was tuned there, by `hardware.host_key`.

        Raises:
            ArtifactBroken: a file is not one of ours.
        """
        files = self.store.files(keys.runtime_configs(_checked(version)))
        return {
            file.name.removesuffix(".json"): runtime_config.parse_runtime_config(
                self.store.read_json(file.key), self.store.where(file.key)
            )
            for file in files
        }

    def put_runtime_config(self, version: str, host_key: str, said: Mapping[str, Any]) -> None:
        """Let machines of one kind run a version as `tune` has chosen there.

        Raises:
            InputMissing: there is no such version.
            ArtifactBroken: it is no choice.
        """
        self.details(version)
        runtime_config.parse_runtime_config(said, host_key)
        self.store.write_json(keys.runtime_configs(version, f"{host_key}.json"), dict(said))

    def versions(self) -> list[str]:
        """Versions that have passed their gate, oldest first."""
        names = [name for name in self.store.folders(keys.MODELS) if self.store.exists(keys.registration(name))]
        return sorted(names, key=lambda name: str(self.details(name)["at"]))

    def details(self, version: str) -> dict[str, Any]:
        """What was said when `version` was registered.

        Raises:
            InputMissing: there is no such version.
            ArtifactBroken: its record is damaged.
        """
        return dict(self.record(version, RegistrationRecord))

    def record(self, version: str, shape: type[Shape]) -> Shape:
        """The same, once it is known to say what `shape` has.

        Raises:
            InputMissing, ArtifactBroken: as for `details`.
        """
        key = keys.registration(_checked(version))
        if not self.store.exists(key):
            where = self.store.where(keys.MODELS)
            raise InputMissing(f"found no version {version!r}, expected one that is registered, in {where}")
        return read_record(self.store, key, shape)

    def promoted(self) -> Promotion | None:
        """The version that the nightly run uses, None before the first promotion."""
        return (
            read_record(self.store, keys.PROMOTED_MODEL, Promotion) if self.store.exists(keys.PROMOTED_MODEL) else None
        )

    def resolve(self, version: str | None = None, kind: Kind = "int8") -> tuple[str, Path]:
        """A version and the folder of its sound model; the promoted one unless a version is named.

        Raises:
            InputMissing: there is none.
            ArtifactBroken: its files have changed.
        """
        if version is None:
            promotion = self.promoted()
            if promotion is None:
                raise InputMissing(f"found no promoted model, expected one, at {self.store.where(keys.PROMOTED_MODEL)}")
            version, kind = promotion.version, promotion.kind
        path = self.fetch(version, kind)
        model_folder.read_manifest(path)
        return version, path

    def promote(
        self,
        version: str,
        kind: Kind,
        *,
        by: str,
        metrics: Mapping[str, Any],
        reason: str = "",
        instead_of: str | None = None,
    ) -> Promotion:
        """Let the nightly run use a version from now on; the one promoted already stays as it is.

        Args:
            version, kind: the model.
            by, metrics, reason: see `Promotion`.
            instead_of: the version that has to be promoted still; None: whichever is.

        Raises:
            InputMissing, ArtifactBroken: it is not a registered version with a sound model.
            ConfigInvalid: another version than `instead_of` is promoted.
            Busy: somebody else is promoting, and goes on for too long.
        """
        self._verified(version, kind)  # the slow part, if it has to be fetched first
        with self.hold_pointer():
            seen, current = self._current()
            if current and (current.version, current.kind) == (version, kind):
                return current
            previous = self._expected(current, instead_of)
            promotion = Promotion(version, kind, by, _now(), dict(metrics), previous, "promote", reason)
            return self._move(seen, promotion)

    def roll_back(self, *, by: str, reason: str = "", instead_of: str | None = None) -> Promotion:
        """Let the nightly run use again what it used before the promoted version.

        Args:
            by, reason: see `Promotion`.
            instead_of: the version to leave, which has to be promoted still; None: whichever is.

        Raises:
            InputMissing, ArtifactBroken: there is nothing to go back to, or its files are gone or have changed.
            ConfigInvalid, Busy: as for `promote`.
        """
        self._expected(self.promoted(), instead_of)
        likely = self.rollback_target()
        self._verified(likely.version, likely.kind)
        with self.hold_pointer():
            seen, current = self._current()
            previous = self._expected(current, instead_of)
            back = replace(
                self.rollback_target(), by=by, at=_now(), previous=previous, action="rollback", reason=reason
            )
            return self._move(seen, back)

    def rollback_target(self) -> Promotion:
        """The promotion that a roll-back would go to.

        Raises:
            InputMissing: nothing was in use before.
        """
        history = self.history()
        target = previous_promotion(history)
        if target is None:
            found = f"{history[-1].version} and nothing in use before it" if history else "no promotion"
            raise InputMissing(
                f"found {found}, expected a version to go back to, in {self.store.where(keys.PROMOTION_HISTORY)}"
            )
        return target

    def hold_pointer(self) -> AbstractContextManager[None]:
        """While the block runs, nobody else moves the pointer.

        Raises:
            Busy: somebody else holds it, and goes on for too long.
        """
        return self.store.exclusive(keys.PROMOTED_MODEL, patience_s=self._patience_s)

    def history(self) -> list[Promotion]:
        """All promotions, oldest first.

        Raises:
            ArtifactBroken: a line is damaged; what was in use is not guessed at.
        """
        past, current = self._past(), self.promoted()
        return past if current is None or current in past else [*past, current]

    def _current(self) -> tuple[str | None, Promotion | None]:
        """The pointer's etag, and what it says, which is in the history from here on."""
        seen, current = self.store.etag(keys.PROMOTED_MODEL), self.promoted()
        if current:
            self._note(current)
        return seen, current

    def _expected(self, current: Promotion | None, instead_of: str | None) -> str | None:
        """The version that is promoted, once it is known to be `instead_of`, if that is given."""
        found = current.version if current else None
        if instead_of not in (None, found):
            where = self.store.where(keys.PROMOTED_MODEL)
            raise ConfigInvalid(f"found {found or 'nothing'} promoted, expected {instead_of} still, at {where}")
        return found

    def _move(self, seen: str | None, promotion: Promotion) -> Promotion:
        self._verified(promotion.version, promotion.kind)
        self.store.swap_json(keys.PROMOTED_MODEL, asdict(promotion), etag=seen)
        self._note(promotion)
        return promotion

    def _verified(self, version: str, kind: Kind) -> None:
        self.details(version)
        model_folder.read_manifest(self.fetch(version, kind))

    def _note(self, promotion: Promotion) -> None:
        if promotion not in self._lines():  # a damaged line is none of it
            self.store.append_line(keys.PROMOTION_HISTORY, json.dumps(asdict(promotion), ensure_ascii=False))

    def _past(self) -> list[Promotion]:
        past = list[Promotion]()
        for line in self._lines():
            if isinstance(line, ArtifactBroken):
                raise line
            past.append(line)
        return past

    def _lines(self) -> list[Promotion | ArtifactBroken]:
        return list(
            parse_records(
                self.store.read_lines(keys.PROMOTION_HISTORY), Promotion, self.store.where(keys.PROMOTION_HISTORY)
            )
        )


def _checked(version: str) -> str:
    if "/" in version or not version:
        raise ConfigInvalid(f"found version {version!r}, expected a name without '/'")
    return version


def _now() -> str:
    # no two promotions in the same one: a line of the history is written once
    return datetime.now(UTC).isoformat(timespec="microseconds")
