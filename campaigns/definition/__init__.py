"""The campaign document: its shape, its checks, its hash; upper rooms register sections of it."""
