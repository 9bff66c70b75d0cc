"""Services of the redemption room: every change goes through one of these."""
