"""Row locks of the merchants room: by id, before the change (architecture.md, lock order).

Merchants are configuration: they are locked before any money row, never after one.
"""

from typing import TypeVar
from uuid import UUID

from merchants.errors import NotFoundError
from merchants.models import Merchant, Store, Terminal

Row = TypeVar("Row", Merchant, Store, Terminal)


def merchant_lock(merchant_id: UUID) -> Merchant:
    """Return the merchant, locked until the transaction ends; NotFoundError if there is none."""
    merchant = Merchant.objects.select_for_update().filter(pk=merchant_id).first()
    return _found(merchant)


def store_lock(store_id: UUID) -> Store:
    """Return the store, locked until the transaction ends; NotFoundError if there is none."""
    return _found(Store.objects.select_for_update().filter(pk=store_id).first())


def terminal_lock(terminal_id: UUID) -> Terminal:
    """Return the terminal, locked until the transaction ends; NotFoundError if there is none."""
    return _found(Terminal.objects.select_for_update().filter(pk=terminal_id).first())


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFoundError
    return row
