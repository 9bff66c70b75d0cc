"""Wiring of the project: settings, urls, celery, entry points. No rules live here."""
