"""URLs of 一笔穿透, inside the admin: log-in and scope are the admin's."""

from django.contrib import admin
from django.urls import path

from redemption.trace.views import trace_page, trace_search

urlpatterns = [
    path("", admin.site.admin_view(trace_search), name="trace-search"),
    path("<str:number>/", admin.site.admin_view(trace_page), name="trace"),
]
