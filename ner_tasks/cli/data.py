"""Run the commands on labelled data."""

from typing import Any

from ner_tasks.errors import ConfigInvalid
from ner_tasks.steps.data import DatasetCommand, DownloadCommand

Result = dict[str, Any]


def commands() -> list[tuple[Any, Any]]:
    return [(DatasetCommand, make_dataset), (DownloadCommand, download)]


def make_dataset(config: DatasetCommand) -> Result:
    from ner_tasks.data.batches import find_sources, read_sources
    from ner_tasks.data.validation.build_snapshot import build_snapshot
    from ner_tasks.data.validation.config import DatasetConfig
    from ner_tasks.evaluation.policy import DEFAULT_POLICY, GatePolicy

    if bool(config.data) == bool(config.sources_file):
        raise ConfigInvalid("found both or none of --data and --sources_file, expected one of them")
    limits = DatasetConfig(
        labels=tuple(config.labels.split(",")) if config.labels else None,
        max_quarantined_share=config.max_quarantined_share,
        block_sentences=config.block_sentences,
        dev_share=config.dev_share,
        seed=config.seed,
        batch_limits=GatePolicy.read(config.gates or DEFAULT_POLICY).data,
        accept_drift=config.accept_drift,
    )
    sources = read_sources(config.sources_file) if config.sources_file else find_sources(list(config.data))
    manifest = build_snapshot(sources, config.output, limits, previous=config.previous, docs=config.docs)
    return {**manifest, "snapshot": str(config.output)}


def download(config: DownloadCommand) -> Result:
    from ner_tasks.data import kaggle

    return kaggle.download_dataset(config.dataset, config.output, config.cache)
