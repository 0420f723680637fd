"""The pages in Airflow's UI: `app` has the routes, `ner_tasks.dashboard` what they show."""
