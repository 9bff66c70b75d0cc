"""Brands (品牌): a shared list of names."""

from datetime import datetime
from uuid import UUID

from core.access.models import User
from core.transactions import transaction_joined
from merchants.errors import BrandNameTakenError, NotFoundError
from merchants.models import Brand
from merchants.services.changes import row_change, row_insert


def brand_create(*, name: str, now: datetime, actor: User | None) -> Brand:
    """Add a brand.

    Raises:
        BrandNameTakenError: the name is listed.
    """
    with transaction_joined():
        if Brand.objects.filter(name=name).exists():
            raise BrandNameTakenError
        brand = Brand(name=name)
        row_insert(brand, action="brand.create", owner_region="", now=now, actor=actor)
    return brand


def brand_update(*, brand_id: UUID, name: str, now: datetime, actor: User | None) -> Brand:
    """Rename a brand.

    Raises:
        BrandNameTakenError: another brand has the name.
        NotFoundError: there is no such brand.
    """
    with transaction_joined():
        brand = Brand.objects.select_for_update().filter(pk=brand_id).first()
        if brand is None:
            raise NotFoundError
        if Brand.objects.filter(name=name).exclude(pk=brand_id).exists():
            raise BrandNameTakenError
        row_change(
            brand, {"name": name}, action="brand.update", owner_region="", now=now, actor=actor
        )
    return brand
