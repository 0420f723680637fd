"""Brings Airflow up on one machine, runs the whole chain through it and shows what came out."""
