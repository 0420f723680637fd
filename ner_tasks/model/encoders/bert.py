"""BERT."""

from ner_tasks.model.encoders.base import BERT_SETTINGS, Family

BERT = Family("BERT", ("bert",), prefix="bert.", settings=BERT_SETTINGS)
