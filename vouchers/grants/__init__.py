"""Lists of people for a grant (定向发放): read, checked, granted in chunks, reported."""
