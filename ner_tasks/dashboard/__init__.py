"""What the pages in Airflow's UI show, read from the store alone: nights, models, documents, benchmarks."""
