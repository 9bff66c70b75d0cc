"""What the claim service knows of a batch before it asks the database to decide."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from vouchers.models import Batch, Limit
from vouchers.rules.limits import limit_row_code
from vouchers.rules.model import BatchRules, LimitRule, rules_read


@dataclass(frozen=True)
class BatchContext:
    """The frozen rules of a batch and the identities of its limits."""

    batch_version_id: int
    face_fen: int
    rules: BatchRules
    regions: tuple[str, ...]
    campaign_ends_at: datetime
    claim_limits: tuple[tuple[int, LimitRule], ...]

    @cached_property
    def key_kinds(self) -> frozenset[str]:
        """The kinds of key that a claim is decided by: counted by a limit, or asked for."""
        counted = {kind for _, rule in self.claim_limits for kind in rule.keys}
        return frozenset({*counted, "DOCUMENT"} if self.rules.realname else counted)


def batch_contexts(batch_ids: Collection[UUID]) -> dict[UUID, BatchContext]:
    """Load the batches that have approved rules; two queries. Others are left out."""
    batches = list(
        Batch.objects.filter(pk__in=batch_ids, version__isnull=False)
        .exclude(campaign__state__in=("DRAFT", "SUBMITTED"))
        .order_by("pk")
        .values_list(
            "pk",
            "code",
            "face_fen",
            "campaign_id",
            "campaign__regions",
            "campaign__ends_at",
            "version_id",
            "version__rules",
        )
    )
    limits = {
        (campaign_id, code): pk
        for campaign_id, code, pk in Limit.objects.filter(
            campaign_id__in={row[3] for row in batches}, side="CLAIM"
        ).values_list("campaign_id", "code", "pk")
    }
    contexts: dict[UUID, BatchContext] = {}
    for pk, code, face_fen, campaign_id, regions, ends_at, version_id, frozen in batches:
        rules = rules_read(frozen)
        contexts[pk] = BatchContext(
            batch_version_id=version_id,
            face_fen=face_fen,
            rules=rules,
            regions=tuple(regions),
            campaign_ends_at=ends_at,
            claim_limits=tuple(
                (limits[campaign_id, limit_row_code(code, rule)], rule)
                for rule in rules.limits
                if rule.side == "CLAIM"
            ),
        )
    return contexts
