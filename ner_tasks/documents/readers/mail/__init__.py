"""Mail as people send it: MIME, Outlook, calendars, cards."""
