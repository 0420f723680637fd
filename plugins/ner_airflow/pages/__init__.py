"""The pages in Airflow's UI: `app` has the routes, `ner_tasks.overview` what they show."""
