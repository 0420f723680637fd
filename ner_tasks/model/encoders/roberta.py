"""RoBERTa and its relatives XLM-R and CamemBERT: BERT whose positions start behind the row of padding."""

from ner_tasks.model.encoders.base import BERT_SETTINGS, Family, after_padding

ROBERTA = Family(
    "RoBERTa",
    ("roberta", "xlm-roberta", "camembert"),
    prefix="roberta.",
    settings=BERT_SETTINGS,
    first_position=after_padding,
)
