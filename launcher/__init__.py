"""Set up and start Airflow on one machine, run the DAGs in order and print the results."""
