"""Read files of many documents: tables and JSON Lines."""
