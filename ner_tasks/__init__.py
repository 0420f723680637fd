"""The core of nightly NER: from a path to a path, without Airflow, S3 or the network."""
