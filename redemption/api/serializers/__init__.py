"""Documents of the redemption API."""
