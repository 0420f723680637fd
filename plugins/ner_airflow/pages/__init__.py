"""Pages in Airflow's UI: `app` holds the routes, `ner_tasks.dashboard` reads the data they show."""
