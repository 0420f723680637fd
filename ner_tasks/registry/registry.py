"""Model registry: the versions, the promoted one, and the promotion history; `store/keys.py` defines the paths.

A promotion swaps the pointer while holding a lock, after checking the model. The history is written afterwards: if a
promotion is killed in between, its line is taken from the pointer, and written by the next promotion.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing, SchemaTooNew
from ner_tasks.inference import runtime_config
from ner_tasks.inference.runtime_config import RuntimeConfig
from ner_tasks.model import model_folder
from ner_tasks.model.model_folder import Kind, ModelManifest
from ner_tasks.records import RegistrationRecord, Shape, parse_records, read_record
from ner_tasks.registry.promotions import Promotion, previous_promotion
from ner_tasks.store import Store, keys

ORIGIN = ("code", "environment", "config", "parent")
PATIENCE_S = 120.0  # twice the time after which the lock of a killed process expires on S3


class Registry:
    """Registry of the models in one store.

    Args:
        store: the store.
        patience_s: seconds to wait for another process that holds the pointer's lock.
    """

    def __init__(self, store: Store, *, patience_s: float = PATIENCE_S) -> None:
        self.store, self._patience_s = store, patience_s

    def fetch(self, version: str, kind: Kind) -> Path:
        """Fetch a model and return its local folder, without checking its files.

        Raises:
            InputMissing: there is no such model.
        """
        return self.store.fetch(keys.model(_check_version(version), kind))

    def find(self, version: str, kind: Kind) -> ModelManifest | None:
        """Read the manifest of a valid model; None if the model is missing or broken and has to be made.

        Raises:
            SchemaTooNew: a newer release made it; it must not be replaced.
        """
        try:
            return model_folder.read_manifest(self.fetch(version, kind))
        except SchemaTooNew:
            raise
        except (InputMissing, ArtifactBroken):
            return None

    def put(self, version: str, kind: Kind, folder: Path) -> None:
        """Check a model folder and publish it as `kind` of `version`.

        Raises:
            InputMissing: there is no model in `folder`.
            ArtifactBroken: its files have changed, or it is of another kind.
        """
        manifest = model_folder.read_manifest(folder)
        if manifest.kind != kind:
            raise ArtifactBroken(f"found a {manifest.kind} model, expected {kind}, at {folder}")
        self.store.publish(folder, keys.model(_check_version(version), kind), marker=model_folder.MANIFEST)

    def register(self, version: str, details: Mapping[str, Any]) -> None:
        """Register a version that has a valid trained model; does nothing if it is registered already.

        Args:
            version: the version.
            details: its metrics and snapshot; the provenance in the model's manifest is added.

        Raises:
            InputMissing: it has no trained model.
            ArtifactBroken: files of the trained model have changed.
            StorageFull: no space left on the device.
        """
        origin = model_folder.read_manifest(self.fetch(version, "trained")).lineage
        if not self.store.exists(keys.registration(version)):
            provenance = {name: origin.get(name) for name in ORIGIN}
            record = {"version": version, "at": _now(), **provenance, **details}
            self.store.write_json(keys.registration(version), record)

    def runtime_configs(self, version: str) -> dict[str, RuntimeConfig]:
        """Read the tuned runtime configurations of a version, by kind of machine (`hardware.host_key`).

        Raises:
            ArtifactBroken: a file is not a runtime configuration.
        """
        files = self.store.files(keys.runtime_configs(_check_version(version)))
        return {
            file.name.removesuffix(".json"): runtime_config.parse_runtime_config(
                self.store.read_json(file.key), self.store.where(file.key)
            )
            for file in files
        }

    def put_runtime_config(self, version: str, host_key: str, config: Mapping[str, Any]) -> None:
        """Publish the runtime configuration that `tune` has chosen for a kind of machine.

        Raises:
            InputMissing: there is no such version.
            ArtifactBroken: `config` is not a runtime configuration.
        """
        self.details(version)
        runtime_config.parse_runtime_config(config, host_key)
        self.store.write_json(keys.runtime_configs(version, f"{host_key}.json"), dict(config))

    def versions(self) -> list[str]:
        """List the registered versions, oldest first."""
        names = [name for name in self.store.folders(keys.MODELS) if self.store.exists(keys.registration(name))]
        return sorted(names, key=lambda name: str(self.details(name)["at"]))

    def details(self, version: str) -> dict[str, Any]:
        """Read the record that was written when `version` was registered.

        Raises:
            InputMissing: there is no such version.
            ArtifactBroken: the record is damaged.
        """
        return dict(self.record(version, RegistrationRecord))

    def record(self, version: str, shape: type[Shape]) -> Shape:
        """Read the same record, validated against `shape`; raises the same errors."""
        key = keys.registration(_check_version(version))
        if not self.store.exists(key):
            where = self.store.where(keys.MODELS)
            raise InputMissing(f"found no version {version!r}, expected a registered one, in {where}")
        return read_record(self.store, key, shape)

    def promoted(self) -> Promotion | None:
        """Read the current promotion; None before the first one."""
        key = keys.PROMOTED_MODEL
        return read_record(self.store, key, Promotion) if self.store.exists(key) else None

    def resolve(self, version: str | None = None, kind: Kind = "int8") -> tuple[str, Path]:
        """Resolve a version, by default the promoted one, and fetch and check its model.

        Args:
            version: the version; None for the promoted one.
            kind: the model of a named version; the promoted version has its own.

        Returns:
            The version, and the local folder of its model.

        Raises:
            InputMissing: no version is promoted, or there is no such model.
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
        """Promote a version; does nothing if it is promoted already.

        Args:
            version, kind: the model.
            by, metrics, reason: see `Promotion`.
            instead_of: fail unless this version is promoted; None to skip the check.

        Raises:
            InputMissing, ArtifactBroken: it is not a registered version with a valid model.
            ConfigInvalid: another version than `instead_of` is promoted.
            Busy: another process holds the pointer's lock for too long.
        """
        self._verify(version, kind)  # may download the model, so do it before taking the lock
        with self.hold_pointer():
            seen, current = self._current()
            if current and (current.version, current.kind) == (version, kind):
                return current
            previous = self._check_promoted(current, instead_of)
            promotion = Promotion(version, kind, by, _now(), dict(metrics), previous, "promote", reason)
            return self._move(seen, promotion)

    def roll_back(self, *, by: str, reason: str = "", instead_of: str | None = None) -> Promotion:
        """Roll back to the version in use before the promoted one.

        Args:
            by, reason: see `Promotion`.
            instead_of: fail unless this version is promoted; None to skip the check.

        Raises:
            InputMissing, ArtifactBroken: there is no previous version, or its model is missing or has changed.
            ConfigInvalid, Busy: as for `promote`.
        """
        self._check_promoted(self.promoted(), instead_of)
        target = self.rollback_target()
        self._verify(target.version, target.kind)
        with self.hold_pointer():
            seen, current = self._current()
            previous = self._check_promoted(current, instead_of)
            back = replace(
                self.rollback_target(), by=by, at=_now(), previous=previous, action="rollback", reason=reason
            )
            return self._move(seen, back)

    def rollback_target(self) -> Promotion:
        """Find the promotion that a rollback would return to.

        Raises:
            InputMissing: there is no previous version.
        """
        history = self.history()
        target = previous_promotion(history)
        if target is None:
            state = f"{history[-1].version} and nothing in use before it" if history else "no promotion"
            raise InputMissing(
                f"found {state}, expected a version to go back to, in {self.store.where(keys.PROMOTION_HISTORY)}"
            )
        return target

    def hold_pointer(self) -> AbstractContextManager[None]:
        """Context manager that holds the pointer's lock.

        Raises:
            Busy: another process holds it for too long.
        """
        return self.store.exclusive(keys.PROMOTED_MODEL, patience_s=self._patience_s)

    def history(self) -> list[Promotion]:
        """Read all promotions, oldest first.

        Raises:
            ArtifactBroken: a line is damaged.
        """
        current, past = self.promoted(), self._past()  # pointer first: read last, it may be ahead of the lines
        return past if current is None or current in past else [*past, current]

    def _current(self) -> tuple[str | None, Promotion | None]:
        """Read the pointer's ETag and content, and complete the history from it."""
        seen, current = self.store.etag(keys.PROMOTED_MODEL), self.promoted()
        if current:
            self._append_history(current)
        return seen, current

    def _check_promoted(self, current: Promotion | None, instead_of: str | None) -> str | None:
        """Return the promoted version, after checking that it is `instead_of` if that is given."""
        version = current.version if current else None
        if instead_of not in (None, version):
            where = self.store.where(keys.PROMOTED_MODEL)
            raise ConfigInvalid(f"found {version or 'nothing'} promoted, expected {instead_of} still, at {where}")
        return version

    def _move(self, seen: str | None, promotion: Promotion) -> Promotion:
        self._verify(promotion.version, promotion.kind)
        self.store.swap_json(keys.PROMOTED_MODEL, asdict(promotion), etag=seen)
        self._append_history(promotion)
        return promotion

    def _verify(self, version: str, kind: Kind) -> None:
        self.details(version)
        model_folder.read_manifest(self.fetch(version, kind))

    def _append_history(self, promotion: Promotion) -> None:
        if promotion not in self._lines():  # damaged lines compare unequal
            self.store.append_line(keys.PROMOTION_HISTORY, json.dumps(asdict(promotion), ensure_ascii=False))

    def _past(self) -> list[Promotion]:
        past = list[Promotion]()
        for line in self._lines():
            if isinstance(line, ArtifactBroken):
                raise line
            past.append(line)
        return past

    def _lines(self) -> list[Promotion | ArtifactBroken]:
        key = keys.PROMOTION_HISTORY
        return list(parse_records(self.store.read_lines(key), Promotion, self.store.where(key)))


def _check_version(version: str) -> str:
    if "/" in version or not version:
        raise ConfigInvalid(f"found version {version!r}, expected a name without '/'")
    return version


def _now() -> str:
    # microseconds: two promotions must differ, because equal lines are written only once
    return datetime.now(UTC).isoformat(timespec="microseconds")
