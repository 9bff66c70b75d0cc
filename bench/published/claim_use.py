"""A worker that claims from one batch through `vouchers_claim`, in groups of a given size."""

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")
django.setup()

from bench.published.gate import worker_run  # noqa: E402 - needs the settings
from bench.world import CHANNEL  # noqa: E402
from core import clock  # noqa: E402
from core.access.models import Client  # noqa: E402
from vouchers.services.claim_commands import ClaimCommand  # noqa: E402
from vouchers.services.claims import vouchers_claim  # noqa: E402

Group = list[UUID]


def _make(plan: dict[str, Any]) -> tuple[list[Group], Callable[[Group], int]]:
    people, size = [UUID(one) for one in plan["people"]], plan["size"]
    batch_id = UUID(plan["batch"])
    client_id = Client.objects.get(code=CHANNEL).pk

    def claim(group: Group) -> int:
        outcomes = vouchers_claim(
            commands=[
                ClaimCommand(
                    client_id=client_id,
                    idempotency_key=f"{batch_id}-{person}"[-64:],
                    fingerprint="",
                    enrolment_id=person,
                    batch_id=batch_id,
                    at=clock.now(),
                    client_region=None,
                )
                for person in group
            ]
        )
        return sum(outcome.claim is not None for outcome in outcomes)

    return [people[at : at + size] for at in range(0, len(people), size)], claim


if __name__ == "__main__":
    worker_run(_make)
