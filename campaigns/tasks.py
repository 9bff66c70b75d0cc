"""Celery's part of the campaigns room; safe to run twice, even at once."""

from celery import shared_task

from campaigns.services.closing import leftovers_book
from campaigns.services.lifecycle import campaigns_end_due
from core import clock


@shared_task(name="campaigns.tasks.campaigns_end", queue="release")
def campaigns_end() -> None:
    """End the campaigns whose period is over."""
    campaigns_end_due(now=clock.now())


@shared_task(name="campaigns.tasks.leftovers", queue="settlement")
def leftovers() -> None:
    """Book for return what came back to campaigns that are closed."""
    leftovers_book(now=clock.now())
