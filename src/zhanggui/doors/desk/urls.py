"""The desk's addresses. Pages of a shop stand below /s/<shop>/; the shop is always checked against the caller's grant."""

from __future__ import annotations

from django.urls import URLPattern, path

from zhanggui.doors.desk import (
    about,
    account,
    connections,
    customers,
    funnel,
    home,
    imports,
    metric,
    orders,
    policies,
    products,
    records,
    welcome,
)
from zhanggui.doors.ui import charts

app_name = "desk"
urlpatterns: list[URLPattern] = [
    path("", account.home, name="home"),
    path("welcome", welcome.welcome, name="welcome"),
    path("sign-in", account.sign_in, name="sign-in"),
    path("sign-out", account.sign_out, name="sign-out"),
    path("shops", account.shops, name="shops"),
    path("account", account.account, name="account"),
    path("invitation/<int:user_id>/<str:token>", account.invitation, name="invitation"),
    path("about", about.about, name="about"),
    path("gallery", about.gallery, name="gallery"),
    path("ui/vega-<str:build>.js", charts.bundle, name="charts"),
    path("s/<int:shop>/", home.home, name="shop-home"),
    path("s/<int:shop>/now", home.now, name="shop-now"),
    path("s/<int:shop>/menu", about.menu, name="menu"),
    path("s/<int:shop>/metrics/<str:key>", metric.metric, name="metric"),
    path("s/<int:shop>/metrics/<str:key>/rows", metric.rows, name="metric-rows"),
    path("s/<int:shop>/funnel", funnel.funnel, name="funnel"),
    path("s/<int:shop>/orders", orders.orders, name="orders"),
    path("s/<int:shop>/orders/<path:order_id>", orders.order, name="order"),
    path("s/<int:shop>/recipients/<path:order_id>", orders.recipient, name="order-recipient"),
    path("s/<int:shop>/customers", customers.customers, name="customers"),
    path("s/<int:shop>/customers/<int:customer_id>", customers.customer, name="customer"),
    path("s/<int:shop>/customers/<int:customer_id>/reveal", customers.reveal, name="customer-reveal"),
    path("s/<int:shop>/customers/<int:customer_id>/erase", customers.erase, name="customer-erase"),
    path("s/<int:shop>/customers/<int:customer_id>/export", customers.take_out, name="customer-export"),
    path("s/<int:shop>/merges/<int:merge_id>/undo", customers.unmerge, name="customer-unmerge"),
    path("s/<int:shop>/products", products.products, name="products"),
    path("s/<int:shop>/products/<path:product_id>", products.product, name="product"),
    path("s/<int:shop>/imports", imports.imports, name="imports"),
    path("s/<int:shop>/imports/template/<str:kind>", imports.template, name="import-template"),
    path("s/<int:shop>/imports/mappings/<int:mapping_id>/forget", imports.forget, name="import-forget"),
    path("s/<int:shop>/imports/<int:file_id>", imports.import_file, name="import"),
    path("s/<int:shop>/imports/<int:file_id>/refused", imports.refused, name="import-refused"),
    path("s/<int:shop>/connections", connections.connections, name="connections"),
    path("s/<int:shop>/connections/sync", connections.sync_now, name="sync-now"),
    path("s/<int:shop>/connections/new/<str:kind>", connections.connection_new, name="connection-new"),
    path("s/<int:shop>/connections/<int:connection_id>", connections.connection, name="connection"),
    path("s/<int:shop>/connections/<int:connection_id>/check", connections.connection_check, name="connection-check"),
    path("s/<int:shop>/connections/<int:connection_id>/secrets", connections.connection_secrets, name="connection-secrets"),
    path("s/<int:shop>/connections/<int:connection_id>/keys", connections.connection_keys, name="connection-keys"),
    path("s/<int:shop>/connections/<int:connection_id>/rotate", connections.connection_rotate, name="connection-rotate"),
    path(
        "s/<int:shop>/connections/<int:connection_id>/disconnect", connections.connection_disconnect, name="connection-disconnect"
    ),
    path("s/<int:shop>/connections/<int:connection_id>/sync", connections.connection_sync, name="connection-sync"),
    path("s/<int:shop>/policies", policies.policies, name="policies"),
    path("s/<int:shop>/policies/<str:key>", policies.policy, name="policy"),
    path("s/<int:shop>/jobs", records.jobs, name="jobs"),
    path("s/<int:shop>/jobs/<int:job_id>/retry", records.retry, name="job-retry"),
    path("s/<int:shop>/audit", records.audit, name="audit"),
    path("s/<int:shop>/members", account.members, name="members"),
    path("s/<int:shop>/members/<int:grant_id>", account.member, name="member"),
]
