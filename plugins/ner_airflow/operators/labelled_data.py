"""The first steps of `ner_retrain`: from labelled batches to an accepted snapshot."""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException
from pydantic import Field

from ner_airflow.operators.base import CommandOperator
from ner_tasks import child_environment, fingerprint
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Line
from ner_tasks.data import part_sizes
from ner_tasks.data.batches import is_labelled
from ner_tasks.data.snapshot import MANIFEST, open_snapshot
from ner_tasks.data.validation.baseline import AcceptedSnapshot, accept_snapshot, find_accepted
from ner_tasks.errors import ArtifactBroken, DataRejected, InputMissing, SchemaTooNew
from ner_tasks.files import atomic
from ner_tasks.records import CountedSnapshot, read_record
from ner_tasks.registry import leases
from ner_tasks.steps.data import DatasetCommand, DownloadCommand, SnapshotParams
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

REFUSED = "validation.json"  # the marker of a report on rejected data
DOCS = "data_docs"
KAGGLE = "kaggle"


class CollectParams(ConfigModel):
    """Which labelled data a run uses."""

    batch: Line | None = Field(None, title="Batch", description="Use only this folder of labelled/; empty: all batches")
    kaggle: Line | None = Field(
        None, title="Kaggle data set", description="Download owner/name first; empty: nothing is downloaded"
    )


class CollectLabelledOperator(CommandOperator):
    """List the labelled files to train on: those of all batches, or of one.

    With `kaggle`, the newest version of that data set is first downloaded as a batch, unless it is one already.
    """

    def step(self, context: "Context") -> dict[str, Any]:
        params = self.read_config(CollectParams)
        batch = params.batch
        if params.kaggle:
            self._download(params.kaggle)
        batches = self.store.folders(keys.LABELLED)
        if not batches or (batch and batch not in batches):
            where = self.store.where(keys.LABELLED)
            raise InputMissing(f"found no batch {batch!r}, expected one of {batches[-5:]}, in {where}")
        files = [file for name in ([batch] if batch else batches) for file in self._files(name)]
        return {"batches": sorted({file["batch"] for file in files}), "files": files}

    def _download(self, kaggle: str) -> None:
        with self.workspace("kaggle") as folder:
            # the cache outlives the folder: a known version is not downloaded again
            cache = self.settings.scratch / "kaggle-cache"
            made = self.run_command(DownloadCommand(dataset=kaggle, output=folder / "batch", cache=cache))
            owner, name = kaggle.split("/")[:2]
            key = keys.labelled_batch(f"kaggle-{owner}-{name}-{made['version']}")
            if self.store.exists(key):
                self.log.info("version %s of %s is batch %s already", made["version"], kaggle, key)
            else:
                self.store.publish(folder / "batch", key)

    def _environment(self) -> dict[str, str]:
        """Add Kaggle's credentials, from the environment or the Connection `kaggle`; no other step gets them."""
        given = {name: value for name, value in os.environ.items() if name.startswith("KAGGLE_")}
        kaggle = self.read_config(CollectParams).kaggle
        if kaggle and not given:
            try:
                connection = Connection.get(KAGGLE)
                given = {"KAGGLE_USERNAME": connection.login or "", "KAGGLE_KEY": connection.password or ""}
            except AirflowNotFoundException:
                self.log.info("no Connection %r", KAGGLE)
        network = child_environment.step_environment(network=True) if kaggle else {}
        return {**network, **super()._environment(), **given}

    def _files(self, batch: str) -> list[dict[str, str]]:
        key = keys.labelled_batch(batch)
        stored = [file for file in self.store.files(key) if is_labelled(file.name)]
        if not stored:
            raise DataRejected(f"found no labelled file, expected one, in {self.store.where(key)}")
        listed = []
        for file in stored:
            sha256 = atomic.sha256_of(self.store.fetch(file.key))
            self.log.info("labelled data: %s, %d bytes, sha256 %s", file.key, file.n_bytes, sha256)
            listed.append({"batch": batch, "key": file.key, "sha256": sha256})
        return listed


class MakeSnapshotOperator(CommandOperator):
    """Validate labelled data with Great Expectations, quarantine invalid sentences, split the rest into a snapshot and accept it.

    If the data is rejected, a report is published and the last accepted snapshot stays in place.
    """

    template_fields = (*CommandOperator.template_fields, "collected")

    def __init__(self, *, collected: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.collected = collected

    def step(self, context: "Context") -> dict[str, Any]:
        params = self.read_config(SnapshotParams)
        config = params.model_dump(exclude={"accept_drift"})
        files = self.collected["files"]
        code = fingerprint.code_version("data.validation.build_snapshot")
        limits = self.policy().data.model_dump()
        recipe = fingerprint.make_version({"files": files, "config": config, "limits": limits, "code": code})
        current = find_accepted(self.store)
        if current:
            leases.record_use(self.registry, snapshots=current.version)
        version = self._made_before(current, recipe)
        if version is None:
            version = self._make(recipe, self._before(current, recipe), params)
        accept_snapshot(self.store, version, recipe)
        manifest: dict[str, Any] = dict(read_record(self.store, keys.snapshot(version, MANIFEST), CountedSnapshot))
        names = ("labels", "n_rows", "n_sentences", "n_superseded", "n_copies", "quarantined")
        parts = {name: part["n_sentences"] for name, part in manifest["parts"].items()}
        small = part_sizes.describe_small_parts(manifest["parts"])
        for line in small:
            self.log.warning("too small to decide by: %s", line)
        docs = keys.snapshot_report(version, DOCS, "index.html")
        self.log.info("Data Docs of what was checked: %s", self.store.where(docs))
        return {
            "version": version,
            "batches": self.collected["batches"],
            "parts": parts,
            "small_parts": small,
            "data_docs": docs,
            **{name: manifest[name] for name in names},
        }

    def _made_before(self, current: AcceptedSnapshot | None, recipe: str) -> str | None:
        """Return the accepted snapshot if it was made from the same inputs and is undamaged."""
        if current is None or current.recipe != recipe or not self._is_sound(current.version):
            return None
        self.log.info("snapshot %s is there already, nothing to do", current.version)
        return current.version

    def _before(self, current: AcceptedSnapshot | None, recipe: str) -> str | None:
        """Return the snapshot to extend; a damaged one made from the same data is rebuilt from its predecessor."""
        if current and current.recipe == recipe:
            return current.previous
        return current.version if current else None

    def _make(self, recipe: str, previous: str | None, params: SnapshotParams) -> str:
        with self.workspace(f"snapshot-{recipe}") as folder:
            sources = folder / "sources.jsonl"
            listed = [{**file, "path": str(self.store.fetch(file["key"]))} for file in self.collected["files"]]
            atomic.write_text(sources, "".join(f"{json.dumps(one)}\n" for one in listed))
            command = DatasetCommand(
                **params.model_dump(),
                sources_file=sources,
                output=folder / "snapshot",
                docs=folder / DOCS,
                gates=self.settings.gates,
                previous=self.store.fetch(keys.snapshot(previous)) if previous else None,
            )
            try:
                made = self.run_command(command)
            except AirflowFailException as error:
                line = self._report_refusal(str(error), folder, recipe)
                raise AirflowFailException(line) from error
            version = str(made["version"])
            leases.record_use(self.registry, snapshots=version)
            self._publish_docs(folder, version)
            if not self._is_sound(version):
                self.store.publish(folder / "snapshot", keys.snapshot(version), marker=MANIFEST)
        return version

    def _is_sound(self, version: str) -> bool:
        if not self.store.exists(keys.snapshot(version, MANIFEST)):
            return False
        try:
            open_snapshot(self.store.fetch(keys.snapshot(version)))
        except SchemaTooNew:
            raise  # it is sound, and must not be replaced
        except ArtifactBroken as error:
            self.log.warning("%s", error)
            return False
        return True

    def _report_refusal(self, line: str, folder: Path, recipe: str) -> str:
        """Publish the report of rejected data, and return `line` with its place in the store."""
        refused, key = folder / "snapshot.refused", keys.snapshot_report(recipe)
        if not refused.is_dir():
            return line
        self.store.publish(refused, key, marker=REFUSED)
        self._publish_docs(folder, recipe)
        shutil.rmtree(refused)
        return line.replace(str(refused), self.store.where(key))

    def _publish_docs(self, folder: Path, version: str) -> None:
        """Publish Great Expectations' Data Docs, whether the data passed or not."""
        if (folder / DOCS).is_dir():
            self.store.publish(folder / DOCS, keys.snapshot_report(version, DOCS), marker="index.html")
            self.log.info("Data Docs: %s", self.store.where(keys.snapshot_report(version, DOCS, "index.html")))
