"""Services of the vouchers room: every change goes through one of these."""
