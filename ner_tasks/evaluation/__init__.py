"""May data, models, graphs and nights go on? The gates, and the one YAML that has their limits."""
