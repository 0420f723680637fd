"""Readers for mail: MIME messages, Outlook messages, calendars, contact cards."""
