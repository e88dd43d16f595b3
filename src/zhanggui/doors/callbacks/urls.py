"""One address per platform account: `/callbacks/<key>`, its key unguessable and kept with the connection."""

from __future__ import annotations

from django.urls import path

from zhanggui.doors.callbacks import views

urlpatterns = [path("callbacks/<str:key>", views.callback, name="callback")]
