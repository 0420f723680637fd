"""Everything between Airflow and `ner_tasks`."""
