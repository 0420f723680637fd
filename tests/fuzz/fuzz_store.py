"""Fuzz the store: every page and command answers, or reports what is wrong in one line.

    PYTHONPATH=plugins python -m tests.fuzz.fuzz_store --n 10000 [--seed 0] [--first 17]

Makes a small complete store (`small_store`), damages one file of it at a time, and asks every page, command and step of a
DAG that opens the file. Findings are unforeseen errors, messages of several lines or with quotations of documents, and
answers slower than `PATIENCE_S`. A step stops where it would start a command; commands are asked separately. If a file is
missing or replaced by something else, everything is asked, since code may look for a file without opening it.
"""

import argparse
import contextlib
import importlib.util
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ner_tasks.cli import app
from ner_tasks.errors import ArtifactBroken, InputMissing, NerTasksError
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.day_parts import find_parts
from ner_tasks.tagging.exports import Format
from ner_tasks.tagging.shard import tag_documents
from tests.fuzz import mutations
from tests.fuzz.small_store import ANSWERS, DAYS, NEXT, RULES, RUN, SECRET, VERSIONS, make_store
from tests.rules import RuleTagger

PATIENCE_S = 30
_MAX_MESSAGE = 3_000


class Told(Exception):
    """No answer, but one line about what is wrong."""


class Raw(Exception):
    """An answer that is none: what nobody foresaw."""


class _TooLong(BaseException):
    """Not to be caught on its way."""


class _Enough(BaseException):
    """A step has come to where it would start a verb."""


@dataclass(frozen=True)
class Question:
    """Something that is asked of a store; `ask` takes its folder, and a folder for what it makes."""

    name: str
    ask: Callable[[Path, Path], None]
    changes_store: bool = False


def questions(root: Path) -> list[Question]:
    """All that is asked of the store that lies in `root` now."""
    snapshot = next(path.name for path in sorted((root / "snapshots").iterdir()) if path.is_dir())
    return [*_pages(snapshot), *_verbs(snapshot), Question("tag", _tag), *_steps(snapshot), *_changing_verbs()]


def _pages(snapshot: str) -> Iterator[Question]:
    from tests.manual.quick_pages import client_for

    day, names = DAYS[1], ("letter.txt", "rows.csv%231", "calls.jsonl%23c1", "empty.txt")
    paths = ["tonight", "models", "quality", "benchmarks", "review", f"run/ner_tag_nightly/{RUN}"]
    paths += [
        f"documents?day={one}{more}" for one in DAYS for more in ("", "&q=e", "&rejected=true", "&partly_read=true")
    ]
    paths += [f"documents/{one}?name={name}" for one in DAYS for name in names]
    paths += [f"models/{VERSIONS[1]}/{snapshot}/{paper}" for paper in ("card.html", "page.html", "learning.svg")]
    paths += [f"review/{day}/{name}" for name in ("doccano.jsonl", "review.json")]
    paths += ["benchmarks/b1/plot.svg"]
    for path in paths:

        def ask(root: Path, _made: Path, path: str = path) -> None:
            answer = client_for(FolderStore(root)).get(f"/ner-ops/{path}")
            if answer.status_code not in (200, 404, 500) or len(answer.content) > 2**20:
                raise Raw(f"found {answer.status_code} and {len(answer.content)} bytes")
            if answer.status_code == 500 and "Page not available" not in answer.text:
                raise Raw("found a page without a message")
            if answer.status_code != 200:
                raise Told(answer.text)

        yield Question(f"page {path}", ask)


def _formats() -> list[str]:
    """Return the formats that can be written here: Delta needs an extra."""
    return [form for form in get_args(Format) if form != "delta" or importlib.util.find_spec("deltalake")]


def _verbs(snapshot: str) -> Iterator[Question]:
    first, last = (f"{{root}}/tagged/{day}" for day in DAYS)
    counts = [f"{{root}}/reports/models/{version}/evaluate-{snapshot}/counts.json" for version in VERSIONS]
    part = f"{{root}}/snapshots/{snapshot}"
    lines = [
        "models --store {root}",
        f"diff-predictions --old {first} --new {last}",
        *(f"convert --answers {last} --to {form} --output {{made}}/{form}" for form in _formats()),
        f"drift --night {last}/statistics.json --before {first}/statistics.json",
        f"sample --answers {last} --output {{made}}/sample",
        f"review --answers {last} --other {first} --output {{made}}/review --day {DAYS[1]}",
        f"write-part --answers {{root}}/{ANSWERS} --output {{made}}/part --day {NEXT} --night n2 --model_version v",
        f"compare-models --champion {counts[0]} --challenger {counts[1]} --resamples 10",
        "prune --store {root}",
        f"dataset --data {{root}}/labelled/first/ner.csv --output {{made}}/dataset --previous {part} --block_sentences 4",
    ]
    return (_verb(line) for line in lines)


def _changing_verbs() -> Iterator[Question]:
    lines = [
        f"card --version {VERSIONS[1]} --store {{root}}",
        "rollback --store {root} --by ada",
        f"promote --version {VERSIONS[1]} --store {{root}} --by ada",
        "prune --store {root} --delete 1 --days 1 --n_versions 1 --staging_days 8",
    ]
    return (_verb(line, changes_store=True) for line in lines)


def _verb(line: str, *, changes_store: bool = False) -> Question:
    def ask(root: Path, made: Path) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(printed):
            code = app.main([word.format(root=root, made=made) for word in line.split()])
        if code == 1:
            raise Raw(printed.getvalue())
        if code:
            _check_message(printed.getvalue().strip())
            raise Told(printed.getvalue())

    return Question(line.format(root="", made=""), ask, changes_store)


def _tag(root: Path, made: Path) -> None:
    """As the verb `tag` works, with a tagger by rule: earlier answers are given again, or not if they are damaged."""
    documents = [(path.name, path) for path in sorted((root / "inbox" / NEXT).iterdir())]
    answered = list[Path]()
    for day in DAYS:
        with contextlib.suppress(InputMissing, ArtifactBroken):  # as the step that tags a shard does
            answered += find_parts(root / keys.tagged_day(day), (LEDGER, DOCUMENTS))
    with contextlib.redirect_stdout(io.StringIO()):
        manifest = tag_documents(
            documents,
            tagger=RuleTagger(),
            output=made / "tag",
            config=TagConfig(rules=RULES, version="c1"),
            answered=answered,
        )
    if manifest["n_documents"] < 1:
        raise Raw("found no documents")


def _steps(snapshot: str) -> Iterator[Question]:
    from ner_airflow.operators import (
        benchmark,
        evaluation,
        labelled_data,
        maintenance,
        monitoring,
        promotion,
        publication,
        quantization,
        retagging,
        shadow_tagging,
        tagging,
        tuning,
        withdrawal,
    )

    model, version = {"version": VERSIONS[1], "kind": "int8"}, VERSIONS[1]
    checked = {"version": version, "snapshot": snapshot, "kind": "int8"}
    measured = {"batch_sizes": "1", "rounds": 1, "n_sentences": 9}
    chosen = {"version": VERSIONS[0], "action": "rollback", "instead_of": version, "metrics": {}, "kind": "int8"}
    limits = {"max_rejected_share": 0.9, "max_partly_read_share": 0.9}
    makers: list[Callable[[], Any]] = [
        lambda: tagging.ResolveModelOperator(task_id="t", config={}),
        lambda: tagging.PlanShardsOperator(
            task_id="t", day=NEXT, model=model, config={"shard_minutes": 0.15, "force": True}
        ),
        lambda: tagging.PlanShardsOperator(
            task_id="t", day=DAYS[1], model=model, config={"shard_minutes": 0.15, "retry_rejected": True}
        ),
        lambda: publication.NightGateOperator(task_id="t", day=NEXT, shards_done=[], config=limits),
        lambda: publication.PublishDayOperator(
            task_id="t", night={"day": NEXT, "n_documents": 1, "n_rejected": 0, "gate": []}
        ),
        lambda: monitoring.DetectDriftOperator(task_id="t", day=DAYS[1], config={}),
        lambda: retagging.PlanDaysOperator(
            task_id="t", model=chosen, config={"first_day": DAYS[0], "last_day": DAYS[1], "stop_after": "plan"}
        ),
        lambda: shadow_tagging.ExportReviewOperator(
            task_id="t", config={"day": DAYS[1], "n_most": 9, "max_score": 0.9}
        ),
        lambda: shadow_tagging.ReportImpactOperator(task_id="t", checked=checked, config={}),
        lambda: quantization.ResolveVersionOperator(task_id="t", config={}),
        lambda: quantization.QuantizeModelOperator(task_id="t", model=checked, config={}),
        lambda: quantization.CompareQuantizedOperator(task_id="t", model=checked, config={"rounds": 1}),
        lambda: evaluation.EvaluateModelOperator(task_id="t", model=checked),
        lambda: labelled_data.CollectLabelledOperator(task_id="t", config={}),
        lambda: tuning.TuneModelOperator(
            task_id="t", config={"rounds": 1, "n_sentences": 9, "time_limit_s": 9, "max_f1_loss": 0.1}
        ),
        lambda: benchmark.BenchmarkOperator(task_id="t", config=measured),
        lambda: promotion.ChooseVersionOperator(task_id="t", config={}),
        lambda: promotion.PromoteVersionOperator(task_id="t", chosen=chosen, by="ada", config={}),
        lambda: maintenance.PruneStoreOperator(task_id="t", config={"days": 1, "n_versions": 1, "staging_days": 8}),
        lambda: withdrawal.WithdrawDayOperator(task_id="t", config={"day": DAYS[1], "reason": "a test"}),
    ]
    for make in makers:
        step = make()
        yield Question(f"step {type(step).__name__}", _step(make), changes_store=True)


def _step(make: Callable[[], Any]) -> Callable[[Path, Path], None]:
    def ask(root: Path, made: Path) -> None:
        from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

        from ner_airflow.operators.base import CommandOperator

        def run_command(self: Any, _config: Any, **_options: Any) -> None:
            raise _Enough

        os.environ |= {"NER_STORE": str(root), "NER_SCRATCH": str(made / "scratch"), "NER_THREADS": "1"}
        before, CommandOperator.run_command = CommandOperator.run_command, run_command  # type: ignore[assignment, method-assign]
        try:
            context = {"run_id": RUN, "outlet_events": _Events(), "triggering_asset_events": {}}
            make().execute(context)
        except (_Enough, AirflowSkipException):
            pass
        except AirflowFailException as error:
            _check_message(str(error))
            raise Told(str(error)) from None
        finally:
            CommandOperator.run_command = before  # type: ignore[method-assign]

    return ask


class _Events(dict[Any, Any]):
    def __missing__(self, _asset: Any) -> Any:
        return type("Event", (), {"extra": None})()


def _check_message(message: str) -> None:
    lines = [line for line in message.splitlines() if line.startswith("error: ")] or message.splitlines()
    if len(lines) != 1 or len(message) > _MAX_MESSAGE or SECRET in message:
        raise Raw(f"found a message of {len(lines)} lines and {len(message)} characters: {message[:500]}")


@dataclass
class Fuzzer:
    """A pristine store, a copy of it that is damaged, and what was found."""

    folder: Path

    def __post_init__(self) -> None:
        self.pristine, self.root = self.folder / "pristine", self.folder / "store"
        make_store(self.pristine, self.folder / "scratch")
        shutil.copytree(self.pristine, self.root)
        self.files = sorted(
            path.relative_to(self.pristine)
            for path in self.pristine.rglob("*")
            if path.is_file() and ".locks" not in path.parts and "data_docs" not in path.parts
        )
        self.questions = questions(self.pristine)
        self.answers: Counter[str] = Counter()
        self._opened: set[str] | None = None  # while they are noted
        self.opened_by: dict[str, set[str]] = {}
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._opened is not None and event in ("open", "sqlite3.connect") and isinstance(arguments[0], str | Path):
            self._opened.add(Path(str(arguments[0]).removeprefix("file://").partition("?")[0]).name)

    def check_whole(self) -> None:
        """Ask everything of the store as it is: each question must have an answer, not a message.

        Raises:
            Raw: one has not.
        """
        for question in self.questions:
            self._opened = self.opened_by[question.name] = set()
            if (said := self._asked(question)) or set(self.answers) != {"answered"}:
                raise Raw(f"of the whole store: {question.name}: {said or self.last_told}")
            self._opened = None
            if question.changes_store:
                self._restore()

    def ask_damaged(self, number: int, seed: int) -> list[str]:
        """Damage one file and ask everything; what nobody foresaw."""
        rng = random.Random(f"{seed}-{number}")
        file = rng.choice(self.files)
        mutate = mutations.mutation_for(rng, self.root / file)
        state, is_damaged = rng.getstate(), False
        found = []
        for question in self.questions:
            if mutate is not mutations.of_all and file.name not in self.opened_by[question.name]:
                continue
            if not is_damaged:
                rng.setstate(state)
                mutate(rng, self.root / file)
                is_damaged = True
            if said := self._asked(question):
                found.append(f"{number}: {mutate.__name__} {file}: {question.name}: {said}")
            if question.changes_store:
                self._restore()
                is_damaged = False
        self._restore()
        return found

    def _asked(self, question: Question) -> str:
        """What was raw about an answer, "" if nothing was."""
        made = self.folder / "made"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        signal.alarm(PATIENCE_S)
        try:
            question.ask(self.root, made)
            self.answers["answered"] += 1
        except Told as told:
            self.answers["told what is wrong"] += 1
            self.last_told = str(told)
        except NerTasksError as error:
            self.answers[type(error).__name__] += 1
            with contextlib.suppress(Raw):
                _check_message(str(error))
                return ""
            return f"found a message that is not one line: {str(error)[:300]}"
        except _TooLong:
            return f"found no answer within {PATIENCE_S} s"
        except Exception as error:  # noqa: BLE001 - the very thing that is looked for
            frames = traceback.extract_tb(error.__traceback__)
            at = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "ner_" in f.filename][-3:]
            return f"{type(error).__name__}: {str(error)[-600:]} at {at}"
        finally:
            signal.alarm(0)
        return ""

    def _restore(self) -> None:
        """Undo what was damaged and what a question has changed."""
        mutations.restore(self.pristine, self.root)


@contextlib.contextmanager
def fuzzer() -> Iterator[Fuzzer]:
    """A fuzzer in a scratch folder."""

    def too_long(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, too_long)
    kept = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Fuzzer(Path(folder))
        finally:
            signal.signal(signal.SIGALRM, before)
            os.environ.clear()
            os.environ.update(kept)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.fuzz_store", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--n", type=int, default=1_000, help="damaged stores (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began, n_findings = time.monotonic(), 0
    with fuzzer() as fuzz:
        fuzz.check_whole()
        print(f"{len(fuzz.files)} files, {len(fuzz.questions)} questions", flush=True)
        for number in range(args.first, args.first + args.n):
            for finding in fuzz.ask_damaged(number, args.seed):
                n_findings += 1
                print(finding, flush=True)
            if number % 100 == 99:
                print(f"{number + 1}: {n_findings} raw, {time.monotonic() - began:.0f} s", flush=True)
    said = ", ".join(f"{n} {kind}" for kind, n in fuzz.answers.most_common())
    print(f"{args.n} mutations, {n_findings} raw answers, {time.monotonic() - began:.0f} s; {said}")
    return n_findings > 0


if __name__ == "__main__":
    sys.exit(main())
