"""Pages of the merchants room for staff; importing the modules registers them."""

from merchants.admin import acquirers, merchants, payees, stores, terminals, transactions

__all__ = ["acquirers", "merchants", "payees", "stores", "terminals", "transactions"]
