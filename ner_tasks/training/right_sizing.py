"""Right-sizing: find the shallowest model that loses no more F1 than a limit allows, within a time budget.

Candidates of decreasing depth are trained with the recipe of the full model, which is also their teacher. Only the dev
part is used. A loss is within the limit if its upper confidence bound is: a loss that was merely not shown is not enough,
or small dev parts would accept any model. docs/decisions/0020-right-sizing-by-a-confidence-bound.md says more.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ner_tasks import fingerprint, hardware
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.errors import ArtifactBroken
from ner_tasks.evaluation import bootstrap
from ner_tasks.evaluation.entity_counts import EntityCounts
from ner_tasks.evaluation.predict import predict
from ner_tasks.files import atomic, replacement
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import model_folder
from ner_tasks.training import loop
from ner_tasks.training.layers import choose_layers
from ner_tasks.training.size_candidates import Candidate, SizeLimits, judge_loss
from ner_tasks.training.size_inputs import SizeInputs, check_full_model, hash_inputs, list_depths
from ner_tasks.training.soft_labels import compute_soft_labels
from ner_tasks.training.time_budget import OutOfTimeError, TimeBudget

_COUNTS, _MEASURED, _SPENT = "counts.json", "measured.json", "spent.json"


@dataclass(frozen=True)
class Tools:
    """What the search needs from other packages.

    Attributes:
        quantize: makes an INT8 model folder (second path) from a trained one (first path).
        time_models: returns words/s of two INT8 models, timed in turns.
        n_threads: number of threads of each model.
    """

    quantize: Callable[[Path, Path], object]
    time_models: Callable[[Path, Path], tuple[float, float]]
    n_threads: int


@dataclass(frozen=True)
class RightSizing:
    """Result of a search.

    Attributes:
        model: trained model folder of the chosen candidate, or the full model.
        candidates: the full model and all candidates, deepest first.
        spent_s: seconds spent on the candidates, over all attempts.
    """

    model: Path
    candidates: tuple[Candidate, ...]
    spent_s: float

    @property
    def chosen(self) -> Candidate:
        return next(one for one in self.candidates if one.is_chosen)


def search_depth(inputs: SizeInputs, *, folder: Path, limits: SizeLimits, tools: Tools) -> RightSizing:
    """Train candidates of decreasing depth and choose the shallowest one whose F1 loss is within the limit.

    The search ends when the budget does (a model that is trained by then is still measured), or when a candidate surely
    loses too much. A killed search continues where it was; a candidate that is measured is not trained again, and one
    that the budget ended continues with a larger budget.

    Args:
        inputs: data, full model and recipe.
        folder: folder of the candidates, of this search only.
        limits: budget, limit and depths.
        tools: quantization and timing.

    Raises:
        ConfigInvalid: the recipe sets `layers`, the full model does not fit, or a depth is not below the full one.
        Busy: another process uses the same folder.
    """
    with atomic.exclusive(folder / "lock"):
        return _DepthSearch(inputs, folder, limits, tools).run()


class _DepthSearch:
    def __init__(self, inputs: SizeInputs, folder: Path, limits: SizeLimits, tools: Tools) -> None:
        self.inputs, self.limits, self.tools = inputs, limits, tools
        self.config = inputs.config.for_data(len(inputs.parts["train"]))
        self.manifest = model_folder.read_manifest(inputs.full)
        self.n_layers = check_full_model(inputs, self.manifest)
        self.depths = list_depths(self.n_layers, limits.depths)
        # other data, settings or another full model get folders of their own
        self.folder = folder / fingerprint.make_version(
            {
                "inputs": hash_inputs(inputs.parts, inputs.start, self.config, inputs.soft_labels),
                "full": self.manifest.files,
                "code": fingerprint.code_version("training.right_sizing"),
            }
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.budget = TimeBudget(self.folder / _SPENT, limits.minutes)

    def run(self) -> RightSizing:
        counts = self._count_entities(self.inputs.full, self.folder / f"full-{_COUNTS}")
        full = Candidate(tuple(range(self.n_layers)), dev_f1=counts.score().f1, verdict="the full model")
        print(f"all {self.n_layers} layers: dev entity F1 {full.dev_f1:.4f}", flush=True)
        candidates = list(self._candidates(counts))
        within = [one for one in candidates if one.is_within]
        chosen = min(within, key=lambda one: len(one.layers)) if within else full
        if not any(one.dev_f1 is not None for one in candidates):
            print(
                f"notice: found {self.limits.minutes:g} minutes, expected enough for one candidate, "
                f"which takes about {self._estimate_s(self.depths[-1]) / 60:.1f}: keeping all layers",
                flush=True,
            )
        model = self._folder_of(len(chosen.layers)) / "trained" if within else self.inputs.full
        rows = (replace(one, is_chosen=one is chosen) for one in (full, *candidates))
        return RightSizing(model, tuple(rows), sum(self.budget.spent.values()))

    def _candidates(self, full: EntityCounts) -> Iterator[Candidate]:
        ended = ""
        for depth in self.depths:
            layers = choose_layers(str(depth), self.n_layers, self.inputs.start)
            if reason := ended or self._reason_to_skip(depth):
                candidate = Candidate(layers, verdict=f"not tried: {reason}")
            else:
                candidate = self._try_depth(depth, layers, full)
            if candidate.is_lost:
                ended = f"{depth} layers already lose too much"
            print(candidate.describe(), flush=True)
            yield candidate

    def _reason_to_skip(self, depth: int) -> str:
        """Return why there is no time for a depth; empty if there is, or if it is measured."""
        left, needed = self.budget.left_s, self._estimate_s(depth) - self.budget.spent.get(str(depth), 0.0)
        if self._is_measured(depth) or left > max(needed, 0.0):
            return ""
        return f"about {max(needed, 0) / 60:.1f} minutes needed, {max(left, 0) / 60:.1f} left"

    def _try_depth(self, depth: int, layers: tuple[int, ...], full: EntityCounts) -> Candidate:
        folder = self._folder_of(depth)
        try:
            if not self._is_measured(depth):
                with self.budget.spend(str(depth)) as note:
                    self._measure(depth, folder, note)
        except OutOfTimeError:
            return Candidate(
                layers, verdict=f"ended after {self.budget.spent[str(depth)] / 60:.1f} minutes: out of time"
            )
        counts, measured = EntityCounts.read(folder / _COUNTS), atomic.read_json(folder / _MEASURED)
        loss = bootstrap.bootstrap_losses(full, counts, level=2 * self.limits.confidence - 1)["overall"]
        return judge_loss(
            Candidate(
                layers,
                dev_f1=loss["challenger"],
                loss=loss["loss"],
                loss_bounds=tuple(loss["interval"]) if loss["interval"] else None,
                speed_up=measured["words_per_s"] / measured["full_words_per_s"],
                words_per_s=measured["words_per_s"],
                full_words_per_s=measured["full_words_per_s"],
                seconds=round(self.budget.spent[str(depth)], 1),
            ),
            self.limits,
        )

    def _measure(self, depth: int, folder: Path, note: Callable[[object], None]) -> None:
        """Train, quantize and time one candidate; what an earlier attempt has made is not made again."""
        if not (folder / "trained" / model_folder.MANIFEST).is_file():
            soft_labels = self._soft_labels()
            note(None)
            loop.train_model(
                self.inputs.parts,
                encoder=self.inputs.start,
                target=folder / "trained",
                checkpoints=folder / "checkpoints",
                config=self.config.model_copy(update={"layers": str(depth)}),
                lineage=self.inputs.lineage,
                soft_labels=soft_labels,
                watch=note,
            )
            _free_memory()
        self._count_entities(folder / "trained", folder / _COUNTS)
        for trained, int8 in ((self.inputs.full, self.folder / "full-int8"), (folder / "trained", folder / "int8")):
            if not (int8 / model_folder.MANIFEST).is_file():
                self.tools.quantize(trained, int8)
        full, own = self.tools.time_models(self.folder / "full-int8", folder / "int8")
        atomic.write_json(folder / _MEASURED, {"words_per_s": own, "full_words_per_s": full})
        _free_memory()

    def _soft_labels(self) -> Path | None:
        """Return the soft labels of the teacher: by default the full model, computed once."""
        if self.inputs.soft_labels or not self.config.teacher_weight:
            return self.inputs.soft_labels
        folder = self.folder / "soft-labels"
        if not folder.is_dir():
            teacher = Tagger.load(self.inputs.full, n_threads=self.tools.n_threads)
            compute_soft_labels(teacher, self.inputs.parts["train"], self.manifest.label_set, output=folder)
        return folder

    def _count_entities(self, model: Path, path: Path) -> EntityCounts:
        """Return the entity counts of a model on the dev part, from a file if an earlier attempt has written it."""
        dev = self.inputs.parts["dev"]
        if not path.is_file():
            predictions = predict(model, dev, n_threads=self.tools.n_threads)
            EntityCounts.from_tags([one.tags for one in dev], predictions.tags, data_sha256=_digest(dev)).write(path)
        return EntityCounts.read(path)

    def _is_measured(self, depth: int) -> bool:
        """Whether an earlier attempt has measured this depth; damaged files are deleted."""
        folder = self._folder_of(depth)
        if not (folder / _MEASURED).is_file():
            return False
        try:
            atomic.read_json(folder / _MEASURED)
            EntityCounts.read(folder / _COUNTS)
            model_folder.read_manifest(folder / "trained")
        except ArtifactBroken as error:
            print(f"notice: deleted a damaged candidate: {error}", flush=True)
            replacement.discard(folder)
            return False
        return True

    def _folder_of(self, depth: int) -> Path:
        return self.folder / f"layers-{depth}"

    def _estimate_s(self, depth: int) -> float:
        """Seconds that training takes with this depth, from the training of the full model; 0 if it is not known."""
        history = self.manifest.metrics.get("train", {}).get("history") or [{}]
        return float(history[-1].get("train_s", 0.0)) * depth / self.n_layers


def _digest(sentences: Sequence[LabelledSentence]) -> str:
    return fingerprint.make_version({"sentences": [[one.words, one.tags] for one in sentences]})


def _free_memory() -> None:
    gc.collect()
    hardware.release_freed_memory()
