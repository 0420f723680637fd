"""Encoder families: one module for each, registered in `FAMILIES`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_tasks.errors import EncoderUnsupported
from ner_tasks.model.encoders.base import EncoderConfig, Family
from ner_tasks.model.encoders.bert import BERT
from ner_tasks.model.encoders.distilbert import DISTILBERT
from ner_tasks.model.encoders.electra import ELECTRA
from ner_tasks.model.encoders.mpnet import MPNET
from ner_tasks.model.encoders.roberta import ROBERTA

FAMILIES: dict[str, Family] = {
    model_type: family for family in (BERT, DISTILBERT, ROBERTA, MPNET, ELECTRA) for model_type in family.model_types
}


def parse_config(config: Mapping[str, Any], where: Path | str) -> EncoderConfig:
    """Read the settings of an encoder from a parsed `config.json`.

    Args:
        config: parsed `config.json`.
        where: its source, for error messages.

    Raises:
        EncoderUnsupported: of another family, or a variant that is not supported.
    """
    found = config.get("model_type")
    if not isinstance(found, str) or found not in FAMILIES:
        raise EncoderUnsupported(f"found model_type {found!r}, expected one of {', '.join(FAMILIES)}, in {where}")
    return FAMILIES[found].parse_config(config, where)
