"""Reconciliation: the acquirer's detail file against our facts, differences as owned rows."""
