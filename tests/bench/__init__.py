"""The bench tells right from wrong."""
