"""The staff side's common ground (Unfold): scoped lists, service-backed changes, audited exports.

`base.ScopedModelAdmin` is what every room's admin classes derive from.
"""
