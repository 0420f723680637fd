"""One deployment's settings, read from `NER_*` once, by the operators and the command line only."""

import math
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ner_tasks.errors import ConfigInvalid
from ner_tasks.evaluation.policy import GateOverrides
from ner_tasks.store import S3, Store, open_store

_MOST_HOURS, _MOST_PERCENT = 168, 100
# As Tesseract names its data, such as `eng+spa` or `script/Latin`.
_LANGUAGES = re.compile(r"[A-Za-z]\w*(?:/\w+)?(?:\+[A-Za-z]\w*(?:/\w+)?)*", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """Where things lie and how many threads a step may use.

    Attributes:
        store: where the store is: an absolute folder, or `s3://bucket/prefix`.
        scratch: a local folder for half-done work; may be lost without harm.
        encoder: folder of the Hugging Face checkpoint that training starts from.
        n_threads: threads of one step.
        keep_text: whether answers hold the documents' text, or only its hash and offsets.
        ocr: whether scans are read by Tesseract.
        ocr_languages: Tesseract's names of the languages that they may be in, joined by `+`.
        file_minutes, file_words: longest time and most words of one file of the inbox, with all documents in it.
        n_readers: processes that read documents beside a model; 0: as many as it takes.
        min_ocr_confidence: percent; a recognised page below it is named as unread, with its text kept.
        approval: whether a person is asked before a model is promoted, unless one run is told otherwise.
        gates: the YAML of the gates; None for ours.
        limits: what goes before it, unless one run is told otherwise: `NER_MIN_F1` and so on.
        python: the interpreter that steps run in; another one may hold other libraries than Airflow's.
    """

    store: str
    scratch: Path
    encoder: Path
    n_threads: int
    keep_text: bool = True
    ocr: bool = False
    ocr_languages: str = "eng"
    min_ocr_confidence: float = 50.0
    file_minutes: float = 10.0
    file_words: int = 10_000_000
    n_readers: int = 0
    approval: bool = False
    gates: Path | None = None
    limits: GateOverrides = field(default_factory=GateOverrides)
    python: Path = Path(sys.executable)

    def open_store(self) -> Store:
        """The store; what is fetched from S3 is kept in the scratch folder."""
        return open_store(self.store, cache=self.scratch / "store")

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        store = env.get("NER_STORE", "var/store")
        if "://" in store and not store.startswith(S3):
            raise ConfigInvalid(f"found NER_STORE={store!r}, expected a folder or s3://bucket/prefix")
        return cls(
            store=store if store.startswith(S3) else str(Path(store).absolute()),
            scratch=Path(env.get("NER_SCRATCH", "var/scratch")).absolute(),
            encoder=Path(env.get("NER_ENCODER", "var/encoder")).absolute(),
            n_threads=_whole("NER_THREADS", env.get("NER_THREADS", str(os.cpu_count() or 1)), least=1),
            keep_text=_switch(env, "NER_KEEP_TEXT", "1"),
            ocr=_switch(env, "NER_OCR", "0"),
            ocr_languages=_languages(env),
            min_ocr_confidence=_between(
                "NER_MIN_OCR_CONFIDENCE", env.get("NER_MIN_OCR_CONFIDENCE") or "50", 1, _MOST_PERCENT, "a percentage"
            ),
            file_minutes=_between(
                "NER_FILE_MINUTES", env.get("NER_FILE_MINUTES") or "10", 1, 60 * _MOST_HOURS, "minutes"
            ),
            file_words=_whole("NER_FILE_WORDS", env.get("NER_FILE_WORDS") or "10000000", least=1),
            n_readers=_whole("NER_READERS", env.get("NER_READERS") or "0", least=0),
            approval=_switch(env, "NER_APPROVAL", "0"),
            gates=Path(env["NER_GATES"]).absolute() if env.get("NER_GATES") else None,
            limits=GateOverrides().override(
                **{name: env.get(f"NER_{name.upper()}", "") for name in GateOverrides.__dataclass_fields__}
            ),
            python=Path(env.get("NER_PYTHON") or sys.executable),
        )


# The two that are not read by a step, but by whoever watches over it; a notice has to leave even if others are wrong.


def runbook_url(env: Mapping[str, str] = os.environ) -> str | None:
    """Where the people on call have their runbook: `NER_RUNBOOK`, an address; None for ours."""
    return env.get("NER_RUNBOOK") or None


def night_deadline(env: Mapping[str, str] = os.environ) -> timedelta | None:
    """How long after it was due a night has to be done: `NER_DEADLINE`, in hours; None where it is 0."""
    hours = _between("NER_DEADLINE", env.get("NER_DEADLINE") or "4", 0, _MOST_HOURS, "hours")
    return timedelta(hours=hours) if hours else None


def _switch(env: Mapping[str, str], name: str, default: str) -> bool:
    value = env.get(name, default)
    if value not in ("0", "1"):
        raise ConfigInvalid(f"found {name}={value!r}, expected 0 or 1")
    return value == "1"


def _whole(name: str, text: str, *, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ConfigInvalid(f"found {name}={text!r}, expected a whole number of at least {least}")
    return int(text)


def _between(name: str, text: str, least: float, most: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise ConfigInvalid(f"found {name}={text!r}, expected {what}, {least} to {most}")
    return number


def _languages(env: Mapping[str, str]) -> str:
    value = env.get("NER_OCR_LANGUAGES") or "eng"
    if not _LANGUAGES.fullmatch(value):
        raise ConfigInvalid(f"found NER_OCR_LANGUAGES={value!r}, expected Tesseract's names, such as 'eng+spa'")
    return value
