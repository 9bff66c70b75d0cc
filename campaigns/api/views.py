"""Views of the campaigns API: what runs where, and its rules."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.api.serializers import (
    CAMPAIGN_PREFIX,
    CampaignDetailSerializer,
    CampaignPageSerializer,
    CampaignQuery,
    campaign_detail_document,
    campaign_document,
)
from campaigns.models import Funding
from campaigns.selectors import campaigns_listed, campaigns_public
from core.access.scope import covers_condition
from core.api.fields import id_from_path
from core.api.paging import PAGE_PARAMETERS
from core.api.views import ApiView
from core.errors import DomainError

ORDER = ("funded_rank", "-starts_at", "pk")


class CampaignListView(ApiView):
    """Campaigns that run now or are yet to start."""

    operations = {"GET": "campaigns.read"}

    @extend_schema(
        operation_id="campaigns_list",
        summary="活动列表",
        parameters=[CampaignQuery, *PAGE_PARAMETERS],
        responses=CampaignPageSerializer,
        tags=["campaigns"],
    )
    def get(self, request: Request) -> Response:
        """List campaigns, those with government money first."""
        del request
        query = self.query(CampaignQuery)
        found = campaigns_listed(self.client.owner_region, now=self.now)
        if "region" in query:
            found = found.filter(covers_condition(query["region"], "regions"))
        page = self.page(found, order=ORDER)
        items = [campaign_document(campaign) for campaign in page.rows]
        document = CampaignPageSerializer({"items": items, "next_cursor": page.next_cursor})
        return self.answer(document.data)


class CampaignView(ApiView):
    """One campaign."""

    operations = {"GET": "campaigns.read"}

    @extend_schema(
        operation_id="campaigns_read",
        summary="活动详情与规则",
        responses=CampaignDetailSerializer,
        tags=["campaigns"],
    )
    def get(self, request: Request, campaign_id: str) -> Response:
        """Show a campaign with the rules page of its approved version."""
        campaign = (
            campaigns_public(self.client.owner_region)
            .select_related("version")
            .filter(pk=id_from_path(CAMPAIGN_PREFIX, campaign_id))
            .first()
        )
        if campaign is None:
            raise DomainError("access.not_found")
        fundings = list(Funding.objects.filter(campaign=campaign).select_related("funder"))
        origin = request.build_absolute_uri("/").rstrip("/")
        document = campaign_detail_document(campaign, fundings, origin=origin)
        return self.answer(CampaignDetailSerializer(document).data)
