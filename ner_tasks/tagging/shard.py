"""Documents in, answers out: entities with exact offsets, a receipt for each document, rejects with reasons.

Streams: sentences are gathered across documents until they make a full batch, so that small documents are tagged as
fast as large ones, and a document of any length is never held as words. A killed run goes on where its journal ends;
a text that was answered before, by the same model and configuration, is not tagged again. While the model is at work on
one batch, the next is being cut into sentences and the last written. The tagger is an argument; nothing here knows
TensorFlow.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any

from ner_tasks.documents import Answer, Limits, read_here
from ner_tasks.errors import GateNotPassed
from ner_tasks.files import atomic
from ner_tasks.files.contained import Source
from ner_tasks.progress import show_progress
from ner_tasks.tagging.answer_ledger import open_earlier
from ner_tasks.tagging.batcher import Batcher, SentenceTagger, TagConfig
from ner_tasks.tagging.journal import Journal
from ner_tasks.tagging.merge import MANIFEST
from ner_tasks.tagging.receipts import InboxFile

# (index of the file, one of its documents), and (index, None) when a file is read to its end
Found = tuple[int, Answer | None]
Reader = Callable[[Iterable[tuple[str, Source]], Limits], Iterable[Found]]


def tag_documents(
    documents: Iterable[tuple[str, Source]],
    *,
    tagger: SentenceTagger,
    output: Path,
    config: TagConfig,
    inputs: str = "",
    answered: Sequence[Path] = (),
    read: Reader = read_here,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Tag files and write the answers as a whole folder.

    Args:
        documents: name and place of each file, in the order of the answers; may be a generator.
        tagger: the model.
        output: folder to make: `documents.jsonl`, `rejected.jsonl`, `ignored.jsonl`, `ledger.sqlite`, and `manifest.json` last.
            Replaced if it is there. Half-done work lies beside it and is gone on from.
        config: how.
        inputs: stands for the documents' names and contents: half-done work on others is not gone on from.
        answered: folders of earlier answers, whose ledgers say what need not be tagged again; damaged ones cost a notice.
        read: how files become documents.
        clock: seconds, for the manifest's rate.

    Returns:
        The manifest. An inbox without documents gives one that says so; see `check_yield` for one without answers.

    Raises:
        GateNotPassed: a receipt does not add up: a word that was read has no tag.
        StorageFull: no space for the answers; what was whole is kept for the next try.
        Busy: another process makes the same folder.
    """
    total = len(documents) if isinstance(documents, Sized) else None
    work = output.with_name(f".{output.name}.work")
    with ExitStack() as stack:
        stack.enter_context(atomic.exclusive(work / "lock"))
        earlier = open_earlier(answered, stack)
        based_on = {"model_version": tagger.version, "config": config.version, "inputs": inputs}
        journal = stack.enter_context(Journal(work, based_on, clock))
        shown = stack.enter_context(show_progress("tagging", total=total, unit="files"))
        tally = journal.tally
        run = Batcher(tagger, journal, earlier, config, clock, stack.enter_context(ThreadPoolExecutor(1, "model")))
        done, n_done = tally.file, tally.n_of_file
        if n_done:
            print(f"tagging: going on from file {done + 1}, answer {n_done + 1} of it", flush=True)
        shown.advance(done)
        names: dict[int, str] = {}
        for index, found in read(_from(documents, done, names), config.limits):
            if found is None:
                shown.advance()
                run.end_file()
                del names[index]
            elif index == 0 and n_done:
                n_done -= 1  # written before the kill
            else:
                run.add(InboxFile(done + index, names[index]), found)
        run.finish()
        with atomic.staged_folder(output) as stage:
            journal.move_to(stage)
            manifest = _manifest(journal, tagger.version, config)
            atomic.write_json(stage / MANIFEST, manifest)
        rmtree(work)
    if manifest["n_documents"] == 0:
        print("tagging: found no document, there was nothing to tag", flush=True)
    return manifest


def check_yield(manifest: Mapping[str, Any]) -> None:
    """Refuse the answers to documents of which not one could be tagged; that of no documents is in order.

    Raises:
        GateNotPassed: there were documents, and all were rejected.
    """
    if manifest["n_documents"] and not manifest["n_tagged"]:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(manifest["rejected"].items()))
        raise GateNotPassed(
            f"found {manifest['n_rejected']} rejected documents ({reasons}), expected at least one that can be tagged, "
            "among the inputs"
        )


def _from(documents: Iterable[tuple[str, Source]], first: int, names: dict[int, str]) -> Iterator[tuple[str, Source]]:
    """The documents behind the first ones; `names` holds those that a reader has asked for, by index."""
    for index, (name, path) in enumerate(islice(documents, first, None)):
        names[index] = name
        yield name, path


def _manifest(journal: Journal, model_version: str, config: TagConfig) -> dict[str, Any]:
    tally = journal.tally
    n_rejected = tally.rejected.total()
    return {
        "n_documents": tally.n_tagged + n_rejected,
        "n_tagged": tally.n_tagged,
        "n_rejected": n_rejected,
        "n_reused": tally.n_reused,
        "n_partly_read": tally.n_partly_read,
        "rejected": dict(sorted(tally.rejected.items())),
        "ignored": dict(sorted(tally.ignored.items())),
        "items": {kind: dict(sorted(fates.items())) for kind, fates in sorted(tally.items.items())},
        "n_words": tally.n_words,
        "n_entities": tally.entities.total(),
        "entities": dict(sorted(tally.entities.items())),
        "words_per_s": round(tally.n_words / tally.elapsed_s, 1) if tally.elapsed_s > 0 else 0.0,
        "model_version": model_version,
        "config": config.version,
        "elapsed_s": round(tally.elapsed_s, 3),
        "model_s": round(tally.model_s, 3),
    }
