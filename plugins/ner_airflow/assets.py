"""Assets that one DAG produces and another DAG, or a person, waits for."""

from airflow.sdk import Asset
from airflow.sdk.definitions.asset import Dataset, Model

NER_FP32 = Model(name="ner_fp32", uri="ner://models/fp32")
NER_INT8 = Model(name="ner_int8", uri="ner://models/int8")
TAGGED_DOCUMENTS = Dataset(name="ner_tagged_documents", uri="ner://tagged")
BENCHMARK: Asset = Dataset(name="ner_benchmark", uri="ner://reports/benchmarks")
