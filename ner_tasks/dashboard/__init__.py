"""Reads what the pages in Airflow's UI show from the store: nights, models, documents, benchmarks."""
