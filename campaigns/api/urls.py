"""URLs of the campaigns API."""

from django.urls import path

from campaigns.api.views import CampaignListView, CampaignView

urlpatterns = [
    path("campaigns", CampaignListView.as_view(), name="campaigns"),
    path("campaigns/<str:campaign_id>", CampaignView.as_view(), name="campaign"),
]
