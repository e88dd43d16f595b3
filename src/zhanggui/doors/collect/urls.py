"""Where the shop's own pages report to: `/collect` with the key in a header, or `/collect/<key>` for senders that cannot set one."""

from __future__ import annotations

from django.urls import path

from zhanggui.doors.collect import views

urlpatterns = [
    path("collect", views.collect, name="collect"),
    path("collect/<str:key>", views.collect, name="collect-at"),
]
