"""The rehearsal: plays a whole programme through the public HTTP API on the business clock.

It is a user of the platform: channel apps, tills and staff. Nothing here is needed to run one.
"""
