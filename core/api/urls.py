"""URLs of the kernel's API."""

from django.urls import path

from core.api.health import LiveView, ReadyView

urlpatterns = [
    path("health/live", LiveView.as_view(), name="health-live"),
    path("health/ready", ReadyView.as_view(), name="health-ready"),
]
