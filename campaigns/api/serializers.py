"""Documents of the campaigns API."""

from collections.abc import Sequence
from typing import Any, Final

from django.urls import reverse
from rest_framework import serializers

from campaigns.definition.document import definition_stored
from campaigns.models import Campaign, CampaignState, Funder, Funding
from core.access.regions import region_names
from core.api.fields import MomentField, PublicIdField
from core.api.serializers import QuerySerializer

CAMPAIGN_PREFIX: Final = "cmp"
REGION_PATTERN: Final = r"^[0-9]{6}$"


class CampaignQuery(QuerySerializer):
    """Which campaigns."""

    region = serializers.RegexField(
        REGION_PATTERN, required=False, help_text="行政区划代码（GB/T 2260），只列适用该地区的活动"
    )


class RegionSerializer(serializers.Serializer[Any]):
    """A division."""

    code = serializers.CharField()
    name = serializers.CharField()


class CampaignSerializer(serializers.Serializer[Any]):
    """A campaign in a list."""

    campaign_id = PublicIdField(CAMPAIGN_PREFIX)
    code = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=CampaignState.choices)
    state_text = serializers.CharField()
    government = serializers.BooleanField(help_text="有财政资金的活动排在前面")
    starts_at = MomentField()
    ends_at = MomentField(help_text="不含")
    regions = RegionSerializer(many=True)


class CampaignPageSerializer(serializers.Serializer[Any]):
    """A page of campaigns."""

    items = CampaignSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class FunderSerializer(serializers.Serializer[Any]):
    """Who pays."""

    name = serializers.CharField()
    level = serializers.ChoiceField(choices=Funder.Level.choices)
    level_text = serializers.CharField()


class PublishedFigureSerializer(serializers.Serializer[Any]):
    """A figure as published."""

    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField()


class AnnouncedSerializer(serializers.Serializer[Any]):
    """A programme of the campaign that does not run yet, e.g. marked 下期."""

    title = serializers.CharField()
    mark = serializers.CharField()
    figures = PublishedFigureSerializer(many=True)


class CampaignDetailSerializer(CampaignSerializer):
    """A campaign with its rules page."""

    version = serializers.IntegerField(help_text="生效方案的版本号")
    funders = FunderSerializer(many=True)
    rules = serializers.ListField(
        child=serializers.CharField(), help_text="由批准的方案生成，每条一句"
    )
    rules_url = serializers.URLField(help_text="公开的规则页，?lang=zh 或 en")
    cashier_url = serializers.URLField(help_text="公开的收银员须知，含拒绝代码与处理")
    announced = AnnouncedSerializer(many=True)
    redemptions_on = serializers.BooleanField()


def campaign_document(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign as `CampaignSerializer` shows it; needs ``funded_rank``."""
    return {
        "campaign_id": campaign.pk,
        "code": campaign.code,
        "title": campaign.title,
        "state": campaign.state,
        "state_text": campaign.get_state_display(),
        "government": getattr(campaign, "funded_rank", 1) == 0,
        "starts_at": campaign.starts_at,
        "ends_at": campaign.ends_at,
        "regions": regions_document(campaign.regions),
    }


def campaign_detail_document(
    campaign: Campaign, fundings: Sequence[Funding], *, origin: str
) -> dict[str, Any]:
    """Return a campaign with the rules its approved version says.

    ``origin`` is what the addresses of the public pages begin with, e.g. ``https://xfq.example``.
    """
    if campaign.version is None:
        raise ValueError("a public campaign has a version")
    definition = definition_stored(campaign.version.document)
    return {
        **campaign_document(campaign),
        "version": campaign.version.number,
        "funders": [
            {
                "name": funding.funder.name,
                "level": funding.funder.level,
                "level_text": funding.funder.get_level_display(),
            }
            for funding in fundings
        ],
        "rules": definition.rules_text(),
        "rules_url": origin + reverse("rules", args=[campaign.code]),
        "cashier_url": origin + reverse("rules-cashier", args=[campaign.code]),
        "announced": definition.spec.announced,
        "redemptions_on": campaign.redemptions_on,
    }


def regions_document(codes: Sequence[str]) -> list[dict[str, str]]:
    """Return divisions with their names; a code without a name shows itself."""
    names = region_names(codes)
    return [{"code": code, "name": names.get(code, code)} for code in codes]
