"""Documents of the vouchers API."""
