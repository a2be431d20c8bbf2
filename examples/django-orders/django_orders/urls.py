"""Where requests go."""

from __future__ import annotations

from django.urls import path

from counterfoil.django import verified
from orders_ledger import load_config

from . import views

urlpatterns = [
    path("orders", views.orders),
    path("invoices", views.invoices),
    path("applied", views.applied),
    path("runs", views.runs),
]
urlpatterns += [
    path(f"webhooks/{receiver.endpoint}", verified(receiver)(views.receive)) for receiver in load_config().receivers
]
