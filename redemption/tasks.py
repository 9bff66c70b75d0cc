"""Celery's part of the redemption room; safe to run twice, even at once."""

from celery import shared_task

from core import clock
from redemption.returns.reversing import rewards_sweep as returns_sweep
from redemption.services.earmarks import earmarks_return
from redemption.services.unhold import redemptions_time_out


@shared_task(name="redemption.tasks.holds_sweep", queue="claims")
def holds_sweep() -> None:
    """Time out holds whose end has passed; give back what used vouchers have left at their end."""
    try:
        redemptions_time_out(now=clock.now())
    finally:
        earmarks_return(now=clock.now())


@shared_task(name="redemption.tasks.rewards_sweep", queue="claims")
def rewards_sweep() -> None:
    """Take back return vouchers that were held, or whose payment was undone since."""
    returns_sweep(now=clock.now())
