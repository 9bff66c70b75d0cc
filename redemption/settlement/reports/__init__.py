"""Statements, daily sheets and the campaign report, as files of jobs."""
