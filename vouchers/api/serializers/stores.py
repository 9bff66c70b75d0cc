"""GET /stores: where vouchers can be used."""

from typing import Any

from rest_framework import serializers

from core.access.regions import region_names
from core.api.fields import PublicIdField
from core.api.serializers import QuerySerializer
from merchants.models import Merchant, Store
from vouchers.api.prefixes import BATCH


class StoreQuery(QuerySerializer):
    """Which stores; longitude and latitude come together."""

    batch_id = PublicIdField(BATCH, required=False, help_text="只列可用此券的门店")
    lng = serializers.DecimalField(
        max_digits=9, decimal_places=6, min_value=-180, max_value=180, required=False
    )
    lat = serializers.DecimalField(
        max_digits=8, decimal_places=6, min_value=-90, max_value=90, required=False
    )
    q = serializers.CharField(
        max_length=60, required=False, help_text="门店、商户名称或地址中的文字"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse half a place."""
        if ("lng" in attrs) != ("lat" in attrs):
            missing = "lat" if "lng" in attrs else "lng"
            raise serializers.ValidationError({missing: "lng 与 lat 须同时给出"})
        return attrs


class StoreSerializer(serializers.Serializer[Any]):
    """A store where a voucher can be used."""

    store_no = serializers.CharField()
    name = serializers.CharField()
    merchant_name = serializers.CharField()
    industry = serializers.ChoiceField(choices=Merchant.Industry.choices)
    industry_text = serializers.CharField()
    region_code = serializers.CharField()
    region_name = serializers.CharField()
    address = serializers.CharField()
    longitude = serializers.CharField(allow_null=True)
    latitude = serializers.CharField(allow_null=True)
    opens_at = serializers.TimeField(allow_null=True)
    closes_at = serializers.TimeField(allow_null=True)
    distance_m = serializers.IntegerField(allow_null=True)


class StorePageSerializer(serializers.Serializer[Any]):
    """A page of stores."""

    items = StoreSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


def store_document(store: Store) -> dict[str, Any]:
    """Return a store as `StoreSerializer` shows it; with a distance if asked near a place."""
    distance: float | None = getattr(store, "distance_m", None)
    names = region_names([store.region_code])
    return {
        "store_no": store.store_no,
        "name": store.name,
        "merchant_name": store.merchant.name,
        "industry": store.merchant.industry,
        "industry_text": store.merchant.get_industry_display(),
        "region_code": store.region_code,
        "region_name": names.get(store.region_code, store.region_code),
        "address": store.address,
        "longitude": store.longitude,
        "latitude": store.latitude,
        "opens_at": store.opens_at,
        "closes_at": store.closes_at,
        "distance_m": None if distance is None else round(distance),
    }
