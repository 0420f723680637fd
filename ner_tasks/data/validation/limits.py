"""What each labelled batch must be like; the gates' YAML has the figures under `data`."""

from ner_tasks.files.yaml_files import Share, StrictModel


class BatchLimits(StrictModel):
    """What each batch must be like; all 0 to 1.

    Attributes:
        max_quarantined_share: most of one batch's sentences that may be set aside. More than for all of the data,
            because a batch may be small.
        max_unseen_words: most of its new words that were never seen before.
        max_label_drift: how far its label shares may lie from those before, as total variation.
        min_word_agreement: least of its known words that are labelled as elsewhere, as a share of how many are so in
            the data before. Measured: 0.78 to 1 for sound parts of GMB and BC5CDR, under 0.45 for shuffled ones.
        max_own_labels: most of its entities with a label that no other batch has, where nothing was accepted before.
    """

    max_quarantined_share: Share = 0.2
    max_unseen_words: Share = 0.6
    max_label_drift: Share = 0.3
    min_word_agreement: Share = 0.6
    max_own_labels: Share = 0.5
