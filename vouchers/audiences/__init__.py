"""Lists of an audience (定向人群): read or evaluated, kept as identity keys, asked by claims."""
