"""Django's admin on our own site (`config.admin_site`); apps are configured before sites exist."""

from django.contrib.admin.apps import AdminConfig


class HouseAdminConfig(AdminConfig):
    """Django's admin on that site."""

    default_site = "config.admin_site.HouseAdminSite"
