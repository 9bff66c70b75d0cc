"""Pages of the campaigns room for staff; importing the modules registers them."""

from campaigns.admin import campaigns, funds, versions, whitelists

__all__ = ["campaigns", "funds", "versions", "whitelists"]
