"""Limits for labelled batches, the section `data` of the gates' YAML."""

from ner_tasks.config.types import Share
from ner_tasks.files.yaml_files import StrictModel


class BatchLimits(StrictModel):
    """Limits for each batch, all 0 to 1.

    Attributes:
        max_quarantined_share: maximum share of quarantined sentences; higher than for all data, since a batch may be
            small.
        max_unseen_words: maximum share of unseen words in new sentences.
        max_label_drift: maximum total variation distance of the label shares from those of the last snapshot.
        min_word_agreement: minimum label agreement of known words, relative to that of the last snapshot. Measured: 0.78
            to 1 for sound parts of GMB and BC5CDR, below 0.45 for shuffled ones.
        max_own_labels: maximum share of entities with a label that no other batch has, for a first snapshot.
    """

    max_quarantined_share: Share = 0.2
    max_unseen_words: Share = 0.6
    max_label_drift: Share = 0.3
    min_word_agreement: Share = 0.6
    max_own_labels: Share = 0.5
