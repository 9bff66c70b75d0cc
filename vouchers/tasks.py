"""Celery's part of the vouchers room; safe to run twice, even at once."""

from celery import shared_task

from core import clock
from vouchers.services.expiry import vouchers_expire
from vouchers.services.fall_backs import quota_slices_fall_back
from vouchers.services.release_proofs import releases_prove
from vouchers.services.releases import quota_release_close, quota_release_open


@shared_task(name="vouchers.tasks.releases_tick", queue="release")
def releases_tick() -> None:
    """Close the waves that are over, open those that are due, then let their slices fall back.

    Raises:
        ExceptionGroup: at the end, with what some campaigns met; the others' waves were moved.
    """
    now = clock.now()
    errors: list[Exception] = []
    for move in (quota_release_close, quota_release_open, quota_slices_fall_back):
        try:
            move(now=now)
        except* Exception as group:
            errors += group.exceptions
    if errors:
        raise ExceptionGroup("a tick of the waves", errors)


@shared_task(name="vouchers.tasks.vouchers_sweep", queue="claims")
def vouchers_sweep() -> None:
    """Expire vouchers past their end; prove the waves that have ended."""
    releases_prove(now=clock.now())
    vouchers_expire(now=clock.now())
