"""Measurements of the hot paths, as ratios of one run, and faults under load (`./run bench`)."""
