"""Brands (品牌): a shared list of names, each with a code that never changes."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.access.models import User
from core.errors import InvalidParametersError
from core.ids import new_number
from core.transactions import transaction_joined
from merchants.errors import BrandNameTakenError, NotFoundError
from merchants.models import Brand
from merchants.services.changes import row_change, row_insert

NUMBER_DIGITS = 8


def brand_create(*, name: str, now: datetime, actor: User | None, code: str = "") -> Brand:
    """Add a brand; without a ``code`` it gets a number.

    Raises:
        BrandNameTakenError: the name is listed.
        InvalidParametersError: the code is taken, or no code.
    """
    with transaction_joined():
        if Brand.objects.filter(name=name).exists():
            raise BrandNameTakenError
        if code and Brand.objects.filter(code=code).exists():
            raise InvalidParametersError.one("code", _("品牌代码已存在"))
        brand = Brand(code=code or new_number(NUMBER_DIGITS), name=name)
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
