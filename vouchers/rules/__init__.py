"""The rules of a batch, frozen by approval: what they are and the pure functions that read them."""
