"""The steps of `ner_retrain`: from a labelled file to a registered FP32 model."""

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.assets import NER_FP32
from ner_airflow.operators.base import NerOperator, VerbOperator
from ner_tasks import artifacts, atomic, gates, lineage
from ner_tasks.errors import DataRejected, InputMissing
from ner_tasks.versions import card, using

if TYPE_CHECKING:
    from airflow.sdk import Context

SNAPSHOT, REFUSED = "snapshot.json", "validation.json"  # each the marker of its folder
COUNTS, PAGE = "counts.json", "page.html"  # what `evaluate` leaves in its folder
LABELLED_SUFFIXES = (".csv", ".zip", ".tsv", ".conll", ".txt")


class CollectLabelled(NerOperator):
    """Find the labelled file to train on: that of the batch asked for, or of the newest one."""

    template_fields = ("batch",)

    def __init__(self, *, batch: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.batch = batch

    def step(self, context: "Context") -> dict[str, Any]:
        batches = self.store.folders("labelled")
        batch = self.batch or (batches[-1] if batches else "")
        if batch not in batches:
            raise InputMissing(
                f"found no batch {batch!r}, expected one of {batches[-5:]}, in {self.store.where('labelled')}"
            )
        files = [file for file in self.store.files(f"labelled/{batch}") if file.name.endswith(LABELLED_SUFFIXES)]
        if len(files) != 1:
            found = [file.name for file in files]
            where = self.store.where(f"labelled/{batch}")
            raise DataRejected(f"found {found}, expected one {'/'.join(LABELLED_SUFFIXES)} file, in {where}")
        sha256 = atomic.sha256_of(self.store.fetch(files[0].key))
        self.log.info("labelled data: %s, %d bytes, sha256 %s", files[0].key, files[0].n_bytes, sha256)
        return {"batch": batch, "key": files[0].key, "sha256": sha256}


class MakeSnapshot(VerbOperator):
    """Validate labelled data with Great Expectations, put bad rows aside, split the rest; publish it as a version.

    Of data that is refused, what was found is published as a report.
    """

    template_fields = ("collected", "labels", "max_quarantined_share", "block_sentences")

    def __init__(
        self, *, collected: Any, labels: str, max_quarantined_share: str, block_sentences: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.collected, self.labels = collected, labels
        self.max_quarantined_share, self.block_sentences = max_quarantined_share, block_sentences

    def step(self, context: "Context") -> dict[str, Any]:
        config: dict[str, Any] = {
            "labels": self.labels or None,
            "max_quarantined_share": float(self.max_quarantined_share),
            "block_sentences": int(self.block_sentences),
            "seed": 0,
        }
        source, suffix = self.collected["sha256"], PurePosixPath(self.collected["key"]).suffix
        code = lineage.code_version("dataset")
        version = lineage.version_of({"source": source, "suffix": suffix, "config": config, "code": code})
        key = f"snapshots/{version}"
        using.note(self.registry, snapshots=version)
        if self._is_sound(key):
            self.log.info("snapshot %s is there already, nothing to do", version)
        else:
            with self.workspace(f"snapshot-{version}") as folder:
                dataset_file = self.store.fetch(self.collected["key"])
                try:
                    self.run_verb("dataset", dataset_file=dataset_file, output=folder / "snapshot", **config)
                except AirflowFailException as error:
                    line = self._report_refusal(str(error), folder / "snapshot.refused", version)
                    raise AirflowFailException(line) from error
                self.store.publish(folder / "snapshot", key, marker=SNAPSHOT)
        said = self.store.read_json(f"{key}/{SNAPSHOT}")
        names = ("labels", "n_rows", "n_sentences", "quarantined")
        parts = {name: part["n_sentences"] for name, part in said["parts"].items()}
        return {"version": version, "source": self.collected, "parts": parts, **{name: said[name] for name in names}}

    def _is_sound(self, key: str) -> bool:
        if not self.store.exists(f"{key}/{SNAPSHOT}"):
            return False
        folder = self.store.fetch(key)
        files = atomic.read_json(folder / SNAPSHOT)["files"]
        return all((folder / name).is_file() and atomic.sha256_of(folder / name) == sha for name, sha in files.items())

    def _report_refusal(self, line: str, refused: Path, version: str) -> str:
        """Publish what `dataset` left beside the snapshot that it did not make; `line`, naming the place."""
        if not refused.is_dir():
            return line
        key = f"reports/snapshots/{version}"
        self.store.publish(refused, key, marker=REFUSED)
        shutil.rmtree(refused)
        return line.replace(str(refused), self.store.where(key))


class EvaluateModel(VerbOperator):
    """Score a trained model on its snapshot's test part, and the promoted model on the same sentences."""

    template_fields = ("model",)

    def __init__(self, *, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def step(self, context: "Context") -> dict[str, Any]:
        version, snapshot = self.model["version"], self.model["snapshot"]
        scores = self._scores(version, snapshot)
        champion = self._champion(version)
        champion_f1 = self._scores(champion, snapshot)["overall"]["f1"] if champion else None
        self.log.info("entity F1 %.4f; promoted model %s: %s", scores["overall"]["f1"], champion, champion_f1)
        page = self.store.where(f"{_report(version, snapshot)}/{PAGE}")
        self.log.info("intervals, slices, confusion, the worst sentences: %s", page)
        return {
            **scores,
            "version": version,
            "snapshot": snapshot,
            "page": page,
            "champion": champion,
            "champion_f1": champion_f1,
            "losses": self._losses(version, champion, snapshot) if champion else None,
        }

    def _scores(self, version: str, snapshot: str) -> dict[str, Any]:
        key = _report(version, snapshot)
        # the counts came later than the figures: an older report is made again
        if not self.store.exists(f"{key}.json") or not self.store.exists(f"{key}/{COUNTS}"):
            with self.workspace(f"evaluate-{version}-{snapshot}") as folder:
                model, data = self.registry.fetch(version, "trained"), self.store.fetch(f"snapshots/{snapshot}")
                result = self.run_verb("evaluate", model=model, data=data, output=folder / "report")
                self.store.publish(folder / "report", key)
                self.store.write_json(f"{key}.json", result)
        said = self.store.read_json(f"{key}.json")
        return {name: said[name] for name in ("overall", "labels", "n_sentences")}

    def _losses(self, version: str, champion: str, snapshot: str) -> dict[str, Any]:
        """What is lost against the champion, sentence by sentence: by label, with the part that chance plays."""
        theirs, ours = (self.store.fetch(f"{_report(of, snapshot)}/{COUNTS}") for of in (champion, version))
        result = self.run_verb("challenge", champion=theirs, challenger=ours)
        self.store.write_json(f"{_report(version, snapshot)}-beside-{champion}.json", result)
        return {name: result[name] for name in ("overall", "labels")}

    def _champion(self, version: str) -> str | None:
        """The promoted version, if it is another one that knows the same labels."""
        promotion = self.registry.promoted()
        if promotion is None or promotion.version == version:
            return None
        manifest = self.registry.find(promotion.version, "trained")
        mine = artifacts.open_model(self.registry.fetch(version, "trained"))
        if manifest is None or set(manifest.labels) != set(mine.labels):
            self.log.info("version %s is gone or knows other labels: not compared with", promotion.version)
            return None
        return promotion.version


class CheckModel(NerOperator):
    """The gate between a trained model and the registry."""

    template_fields = ("evaluation", "min_f1", "max_f1_below_champion")

    def __init__(self, *, evaluation: Any, min_f1: str, max_f1_below_champion: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluation, self.min_f1, self.max_f1_below_champion = evaluation, min_f1, max_f1_below_champion

    def step(self, context: "Context") -> dict[str, Any]:
        policy = self.policy(min_f1=self.min_f1, max_f1_below_champion=self.max_f1_below_champion)
        policy.check_labels(self.evaluation["labels"])
        verdict = gates.trained_model(self.evaluation, policy.model)
        for line in verdict.lines:
            self.log.info("passed: %s", line)
        return {"evaluation": self.evaluation, "gate": list(verdict.lines)}


class RegisterModel(NerOperator):
    """Let the version count, and tell those who wait for a new FP32 model."""

    template_fields = ("checked",)

    def __init__(self, *, checked: Any, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [NER_FP32], **kwargs})
        self.checked = checked

    def step(self, context: "Context") -> dict[str, Any]:
        evaluation = self.checked["evaluation"]
        version, f1 = evaluation["version"], evaluation["overall"]["f1"]
        self.registry.register(version, {**evaluation, "gate": self.checked["gate"]})
        card.publish(self.registry, version)
        context["outlet_events"][NER_FP32].extra = {"version": version, "f1": f1}
        return {"version": version, "snapshot": evaluation["snapshot"], "f1": f1}


def _report(version: str, snapshot: str) -> str:
    return f"reports/models/{version}/evaluate-{snapshot}"
