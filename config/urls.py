"""URLs of the one origin."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.password import password_change

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/password_change/", admin.site.admin_view(password_change)),
    path("admin/trace/", include("redemption.trace.urls")),
    path("admin/", admin.site.urls),
    path("demo/", include("redemption.demo.urls")),
    path("rules/", include("campaigns.pages.urls")),
    path("files/", include("core.jobs.urls")),
    path("api/v1/", include("core.api.urls")),
    path("api/v1/", include("campaigns.api.urls")),
    path("api/v1/", include("vouchers.api.urls")),
    path("api/v1/", include("redemption.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]

handler400 = "core.errors.handler.bad_request"
handler403 = "core.errors.handler.permission_denied"
handler404 = "core.errors.handler.page_not_found"
handler500 = "core.errors.handler.server_error"
