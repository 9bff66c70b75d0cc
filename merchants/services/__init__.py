"""What the merchants room does; other rooms and the edges enter here."""

from merchants.services.acquirers import acquirer_create, acquirer_update
from merchants.services.brands import brand_create, brand_update
from merchants.services.imports import merchants_import_start
from merchants.services.merchants import (
    merchant_remove,
    merchant_resume,
    merchant_suspend,
    merchant_update,
    merchant_upsert,
)
from merchants.services.payees import payee_set
from merchants.services.stores import store_update, store_upsert
from merchants.services.terminals import (
    terminal_test_record,
    terminal_update,
    terminal_upsert,
    terminals_test_record,
)

__all__ = [
    "acquirer_create",
    "acquirer_update",
    "brand_create",
    "brand_update",
    "merchant_remove",
    "merchant_resume",
    "merchant_suspend",
    "merchant_update",
    "merchant_upsert",
    "merchants_import_start",
    "payee_set",
    "store_update",
    "store_upsert",
    "terminal_test_record",
    "terminal_update",
    "terminal_upsert",
    "terminals_test_record",
]
