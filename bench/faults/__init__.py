"""Faults made under load, and the proof that no answer was lost or given twice."""
