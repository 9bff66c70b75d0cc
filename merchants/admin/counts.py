"""Counting related rows in a list without joining and grouping the whole table."""

from django.db.models import Count, IntegerField, Model, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce


def rows_of(model: type[Model], field: str) -> Coalesce:
    """Return the number of ``model``'s rows that point by ``field`` at each listed row."""
    counted = (
        model._default_manager.filter(**{field: OuterRef("pk")})
        .order_by()
        .values(field)
        .annotate(counted=Count("pk"))
        .values("counted")
    )
    return Coalesce(Subquery(counted, output_field=IntegerField()), Value(0))
