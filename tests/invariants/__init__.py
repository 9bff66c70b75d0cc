"""Every invariant fires when its rule is broken."""
