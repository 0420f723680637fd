"""Files and folders: atomic writes, reads that follow no link, and JSON, YAML and SQLite read with bounds."""
