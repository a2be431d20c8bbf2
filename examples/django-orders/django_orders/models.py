"""The books, in tables that all examples share: nobody's migrations make them, `orders_ledger` does."""

from __future__ import annotations

from typing import TypeAlias

from django.db import models

Text: TypeAlias = "models.TextField[str, str]"
TextOrNone: TypeAlias = "models.TextField[str | None, str | None]"
Integer: TypeAlias = "models.BigIntegerField[int, int]"


class Applied(models.Model):
    """An event that was applied. Only in SQLite, which knows nothing of the store."""

    key: Text = models.TextField(primary_key=True)

    class Meta:
        managed = False
        db_table = "applied"


class Effect(models.Model):
    """A committed effect, a row for each, so that a second one would show."""

    # Not unique in the table: Django wants one.
    key: Text = models.TextField(primary_key=True)

    class Meta:
        managed = False
        db_table = "effects"


class Run(models.Model):
    """A run of the handler."""

    key: Text = models.TextField(primary_key=True)

    class Meta:
        managed = False
        db_table = "runs"


class Entry(models.Model):
    """An order or an invoice."""

    pk = models.CompositePrimaryKey("sender", "id")
    sender: Text = models.TextField()
    id: Text = models.TextField()
    status: Text = models.TextField()
    total: TextOrNone = models.TextField(null=True)
    currency: TextOrNone = models.TextField(null=True)
    key: Text = models.TextField()
    at: Integer = models.BigIntegerField()

    class Meta:
        abstract = True
        managed = False


class Order(Entry):
    """What a client ordered."""

    class Meta(Entry.Meta):
        abstract = False
        db_table = "orders"


class Invoice(Entry):
    """What a client owes."""

    class Meta(Entry.Meta):
        abstract = False
        db_table = "invoices"
