"""Files of many documents: tables and JSON Lines."""
