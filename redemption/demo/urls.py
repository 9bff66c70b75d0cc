"""URLs of the 演示台."""

from django.urls import path

from redemption.demo.views import bench_books, bench_citizen, bench_config, bench_page

urlpatterns = [
    path("", bench_page, name="demo"),
    path("config", bench_config, name="demo-config"),
    path("citizen", bench_citizen, name="demo-citizen"),
    path("books", bench_books, name="demo-books"),
]
