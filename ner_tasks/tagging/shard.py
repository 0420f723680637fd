"""Tags a shard: reads documents and writes answers with exact offsets, receipts, and rejections with reasons.

Works as a stream: batches are filled with sentences of several documents, so that small documents are tagged as fast as
large ones and long documents take bounded memory. A killed run resumes from its journal. A text that the same model and
configuration have tagged before is not tagged again. While the model tags one batch, the next one is segmented and the
previous one written. The tagger is an argument, so that this module does not import TensorFlow.
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
from ner_tasks.files import atomic, schema
from ner_tasks.files.contained import Source
from ner_tasks.progress import show_progress
from ner_tasks.tagging.answer_ledger import open_earlier
from ner_tasks.tagging.batcher import Batcher, ReadFile, TagConfig
from ner_tasks.tagging.inputs import find_size
from ner_tasks.tagging.journal import Journal
from ner_tasks.tagging.merge import MANIFEST, share_of
from ner_tasks.tagging.receipts import InboxFile
from ner_tasks.tagging.sentence_cache import SentenceTagger

# (index of the file, one of its documents), and (index, None) at the end of a file
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
    read_s: dict[int, float] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Tag files and write the answers to a folder.

    Args:
        documents: name and location of each file, in the order of the answers; may be a generator.
        tagger: the model.
        output: output folder, replaced if it exists: `documents.jsonl`, `rejected.jsonl`, `ignored.jsonl`,
            `ledger.sqlite` and `manifest.json`. Partial work next to it is resumed.
        config: settings.
        inputs: fingerprint of the documents; partial work with another fingerprint is not resumed.
        answered: folders of earlier answers to reuse; prints a notice for damaged ones.
        read: reads files into documents.
        read_s: gets from `read` the seconds of CPU for each file, by its index; None: the manifest tells nothing of reading.
        clock: returns seconds; measures the rate in the manifest.

    Returns:
        The manifest; all counts are 0 for an empty inbox. See `check_yield` for a shard in which nothing was tagged.

    Raises:
        GateNotPassed: a receipt does not add up: a word that was read has no tag.
        StorageFull: no space left on the device; the last checkpoint is kept for the next attempt.
        Busy: another process writes the same folder.
    """
    total = len(documents) if isinstance(documents, Sized) else None
    work = output.with_name(f".{output.name}.work")
    with ExitStack() as stack:
        stack.enter_context(atomic.exclusive(work / "lock"))
        earlier = open_earlier(answered, stack)
        based_on = {
            "model_version": tagger.version,
            "config": config.version,
            "rules": config.rules.version,
            "inputs": inputs,
        }
        journal = stack.enter_context(Journal(work, based_on, clock))
        shown = stack.enter_context(show_progress("tagging", total=total, unit="files"))
        tally = journal.tally
        run = Batcher(tagger, journal, earlier, config, clock, stack.enter_context(ThreadPoolExecutor(1, "model")))
        done, n_done = tally.file, tally.n_of_file
        if n_done:
            print(f"tagging: resuming at file {done + 1}, answer {n_done + 1}", flush=True)
        shown.advance(done)
        files: dict[int, tuple[str, Source]] = {}
        for index, document in read(_skip_documents(documents, done, files), config.limits):
            if document is None:
                shown.advance()
                run.end_file(_describe_read(done + index, *files.pop(index), (read_s or {}).pop(index, None)))
            elif index == 0 and n_done:
                n_done -= 1  # already in the journal
            else:
                run.add(InboxFile(done + index, files[index][0]), document)
        run.finish()
        with atomic.staged_folder(output) as stage:
            journal.move_to(stage)
            manifest = _make_manifest(journal, tagger.version, config)
            atomic.write_json(stage / MANIFEST, schema.stamp(manifest))
        rmtree(work)
    if manifest["n_documents"] == 0:
        print("tagging: no documents, nothing to tag", flush=True)
    return manifest


def check_yield(manifest: Mapping[str, Any]) -> None:
    """Check that at least one document was tagged, if there were any.

    Raises:
        GateNotPassed: all documents were rejected.
    """
    if manifest["n_documents"] and not manifest["n_tagged"]:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(manifest["rejected"].items()))
        raise GateNotPassed(
            f"found {manifest['n_rejected']} rejected documents ({reasons}), expected at least one tagged document, "
            "among the inputs"
        )


def _skip_documents(
    documents: Iterable[tuple[str, Source]], first: int, files: dict[int, tuple[str, Source]]
) -> Iterator[tuple[str, Source]]:
    """Yield the documents after the `first` ones, and store those in progress in `files`, by index."""
    for index, file in enumerate(islice(documents, first, None)):
        files[index] = file
        yield file


def _describe_read(position: int, name: str, path: Source, read_s: float | None) -> ReadFile | None:
    """Return what is counted of a file that was read to its end; None if its reading was not measured."""
    return None if read_s is None else ReadFile(InboxFile(position, name), find_size(path), read_s)


def _make_manifest(journal: Journal, model_version: str, config: TagConfig) -> dict[str, Any]:
    tally = journal.tally
    n_rejected = tally.rejected.total()
    return {
        "n_files": tally.n_files,
        "files_sha256": tally.files_sha256,
        "n_documents": tally.n_tagged + n_rejected,
        "n_tagged": tally.n_tagged,
        "n_rejected": n_rejected,
        "n_reused": tally.n_reused,
        "n_partly_read": tally.n_partly_read,
        "rejected": dict(sorted(tally.rejected.items())),
        "ignored": dict(sorted(tally.ignored.items())),
        "items": {kind: dict(sorted(fates.items())) for kind, fates in sorted(tally.items.items())},
        "n_words": tally.n_words,
        "n_words_new": tally.n_words_new,
        "n_words_repeated": tally.n_words_repeated,
        "repeated_share": share_of(tally.n_words_repeated, tally.n_words),
        "n_entities": tally.entities.total(),
        "entities": dict(sorted(tally.entities.items())),
        "dropped": dict(sorted(tally.dropped.items())),
        "review": dict(sorted(tally.review.items())),
        "assertions": dict(sorted(tally.assertions.items())),
        "personal_data": dict(sorted(tally.personal_data.items())),
        "words_per_s": round(tally.n_words / tally.elapsed_s, 1) if tally.elapsed_s > 0 else 0.0,
        "model_version": model_version,
        "config": config.version,
        "rules": config.rules.version,
        "elapsed_s": round(tally.elapsed_s, 3),
        "model_s": round(tally.model_s, 3),
        "formats": {
            name: {**sums, "read_s": round(sums["read_s"], 3)}
            for name, sums in sorted(tally.formats.items())
            if sums["n_files"]
        },
    }
