"""Django's settings, from the environment."""

from __future__ import annotations

import os
from typing import Any

from orders_ledger import postgres_parameters, sql, told

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "django_orders.urls"
WSGI_APPLICATION = "django_orders.wsgi.application"
INSTALLED_APPS = ["django_orders"]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TIME_ZONE = "UTC"
USE_TZ = True


def _database(store: str, db: str) -> dict[str, Any]:
    """The store's own database if that is PostgreSQL, the SQLite file `db` if not."""
    if not store.startswith(("postgres:", "postgresql:")):
        # The transaction that sees what was applied is the one that writes.
        options = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA synchronous = full"}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": db, "OPTIONS": options}
    parameters = told("STORE cannot be used", lambda: postgres_parameters(store))
    search = f"{parameters.pop('options', '')} -c search_path={sql.SCHEMA}"
    pool = {"max_size": 8, "timeout": 4}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parameters.pop("dbname", None),
        "OPTIONS": {**parameters, "options": search, "pool": pool},
    }


DATABASES = {"default": _database(os.environ.get("STORE", ""), os.environ.get("DB", "orders.db"))}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
