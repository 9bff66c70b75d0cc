"""Journeys in a real browser (Chromium), against a real web process."""
