"""ELECTRA: BERT whose embeddings may be narrower than its layers, and are then projected."""

from ner_tasks.model.encoders.base import BERT_SETTINGS, Family

ELECTRA = Family(
    "ELECTRA", ("electra",), prefix="electra.", settings={**BERT_SETTINGS, "embedding_size": "embedding_size"}
)
