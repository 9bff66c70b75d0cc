"""The section ``batches`` of the campaign document: shape, checks, rows, words."""
