"""Mounted always, open only in the demo profile (the view refuses otherwise, so that tests see the same addresses)."""

from __future__ import annotations

from django.urls import path

from zhanggui.doors.demo import views

urlpatterns = [path("demo/enter", views.enter, name="demo-enter")]
