"""Measurements of the hot paths, as ratios of one run (`./run bench`); no tests."""
