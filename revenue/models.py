"""What was earned: the rows as they are, what they went through, and the pulls that brought them.

A foreign key that leads a constraint or an index gets none of its own (db_index=False): PostgreSQL, while it has no
statistics yet, may choose the short one and read the whole account for every row it looks up.
"""

from __future__ import annotations

from django.db import models

from partners.fields import ExactDecimalField
from partners.models import Case, Client, PartnerAccount
from revenue.stages import TEXTS, Stage


class TransactionState(models.Model):
    """Everything about a transaction that can change its figures. One definition for the row as it is and for its history."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    payment_date = models.DateTimeField()
    payment_amount = ExactDecimalField(null=True)
    payment_currency = models.TextField(blank=True)
    earnings_currency = models.TextField(blank=True)
    # Debitura's platform revenue and our share of it, in earnings_currency and in USD.
    revenue = ExactDecimalField(null=True)
    revenue_usd = ExactDecimalField(null=True)
    fee_percentage = ExactDecimalField(null=True)
    fee = ExactDecimalField(null=True)
    fee_usd = ExactDecimalField(null=True)
    is_estimate = models.BooleanField()
    is_recognized = models.BooleanField()
    recognized_usd = ExactDecimalField(null=True)
    # As they came, also where the contract does not know the value.
    commission_status = models.TextField(blank=True)
    platform_status = models.TextField(blank=True)
    referral_status = models.TextField(blank=True)
    stage = models.CharField(max_length=40, choices=[(stage.value, TEXTS[stage].label) for stage in Stage])

    class Meta:
        abstract = True


class Transaction(TransactionState):
    """A payment by a debtor and the fee it earns, as Debitura listed it last."""

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="transactions", db_index=False)
    transaction_id = models.UUIDField()
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="transactions", db_index=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="transactions")
    # Which of the three statuses hold a value that the contract does not list.
    unknown_statuses = models.JSONField(default=list)
    raw = models.TextField()
    fingerprint = models.CharField(max_length=32)
    first_seen_at = models.DateTimeField()
    stage_since = models.DateTimeField()
    # Since when Debitura does not list it any more; it stays, and counts in no total.
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "transaction_id"], name="transaction_identity")]
        indexes = [
            models.Index(fields=["account", "payment_date", "id"], name="transaction_by_date"),
            models.Index(fields=["account", "stage", "payment_date", "id"], name="transaction_by_stage"),
            models.Index(fields=["client", "payment_date", "id"], name="transaction_by_client"),
        ]

    def __str__(self) -> str:
        return str(self.transaction_id)


class PullRun(models.Model):
    """One pull of one account: what it asked, what it found, and whether the result ties out."""

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        OK = "ok", "Ties out"
        DIFFERS = "differs", "Does not tie out"
        FAILED = "failed", "Failed"
        INTERRUPTED = "interrupted", "Interrupted"

    class Trigger(models.TextChoices):
        COMMAND = "command", "Command line"
        SCHEDULE = "schedule", "Schedule"
        PERSON = "person", "“Pull now”"

    class Phase(models.TextChoices):
        CLIENTS = "clients", "Reading clients"
        TRANSACTIONS = "transactions", "Reading transactions"
        WRITING = "writing", "Writing and proving"
        DONE = "done", "Done"

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="pulls", db_index=False)
    trigger = models.CharField(max_length=10, choices=Trigger.choices, default=Trigger.COMMAND)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RUNNING)
    phase = models.CharField(max_length=12, choices=Phase.choices, default=Phase.CLIENTS)
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # The instant for which the figures speak, set in the database transaction that wrote them. None: nothing was published.
    as_of = models.DateTimeField(null=True)
    pages_done = models.IntegerField(default=0)
    pages_total = models.IntegerField(null=True)
    requests = models.IntegerField(default=0)
    retries = models.IntegerField(default=0)
    transactions_seen = models.IntegerField(default=0)
    transactions_created = models.IntegerField(default=0)
    transactions_updated = models.IntegerField(default=0)
    transactions_unchanged = models.IntegerField(default=0)
    transactions_removed = models.IntegerField(default=0)
    clients_seen = models.IntegerField(default=0)
    clients_created = models.IntegerField(default=0)
    clients_updated = models.IntegerField(default=0)
    clients_archived = models.IntegerField(default=0)
    quarantined = models.IntegerField(default=0)
    ties_out = models.BooleanField(null=True)
    # [{"stage", "ours_usd", "theirs_usd", "ours_count", "theirs_count"}]: USD as text, None where Debitura said nothing.
    differences = models.JSONField(default=list)
    # [{"stage", "why", "transaction_id", "fee_usd"}]: rows that may explain the differences.
    explanations = models.JSONField(default=list)
    # Summary of GET /clients: total_clients, attributed_clients, onboarding_complete, onboarding_pending, total_cases.
    portfolio = models.JSONField(null=True)
    error_kind = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_retryable = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["account", "-started_at"], name="pull_by_start"),
            models.Index(fields=["account", "-as_of"], name="pull_by_publication"),
        ]
        constraints = [
            models.CheckConstraint(
                name="published_pulls_know_whether_they_tie_out",
                condition=models.Q(as_of__isnull=True) | models.Q(ties_out__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"pull {self.pk} ({self.status})"


class TransactionChange(TransactionState):
    """A transaction as it stood from `seen_at` on: the row's history, one line a change (docs/history.md).

    What changed is the difference to the line before. Amounts of an estimate that only follow the exchange rate are not
    here but in DayEstimate.
    """

    class Kind(models.TextChoices):
        FIRST_SEEN = "first_seen", "First seen"
        CHANGED = "changed", "Changed"
        REMOVED = "removed", "No longer listed"
        RETURNED = "returned", "Listed again"

    transaction = models.ForeignKey(Transaction, on_delete=models.CASCADE, related_name="changes", db_index=False)
    run = models.ForeignKey(PullRun, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["transaction", "run"], name="one_change_a_row_and_run")]
        indexes = [models.Index(fields=["transaction", "seen_at"], name="change_by_time")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.seen_at:%Y-%m-%d %H:%M}"


class DayEstimate(models.Model):
    """The amounts of an estimate at the end of a UTC day, where nothing but the exchange rate moved them."""

    transaction = models.ForeignKey(Transaction, on_delete=models.CASCADE, related_name="day_estimates", db_index=False)
    day = models.DateField()
    seen_at = models.DateTimeField()
    revenue = ExactDecimalField(null=True)
    revenue_usd = ExactDecimalField(null=True)
    fee = ExactDecimalField(null=True)
    fee_usd = ExactDecimalField(null=True)
    recognized_usd = ExactDecimalField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["transaction", "day"], name="one_estimate_a_row_and_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.fee_usd}"


class StagedRow(models.Model):
    """A new or changed row that a running pull has read and not yet published; nobody sees it."""

    run = models.ForeignKey(PullRun, on_delete=models.CASCADE, related_name="staged", db_index=False)
    transaction_id = models.UUIDField()
    raw = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "transaction_id"], name="staged_once")]

    def __str__(self) -> str:
        return str(self.transaction_id)


class QuarantinedRow(models.Model):
    """A row that could not be read, as it came, with the reason. It is listed by the runs from `first_run` to `last_run`."""

    class Resource(models.TextChoices):
        TRANSACTIONS = "transactions", "Transaction"
        CLIENTS = "clients", "Client"

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="quarantine", db_index=False)
    resource = models.CharField(max_length=12, choices=Resource.choices)
    # The id as it came, where it had one; else a hash of the raw text.
    identity = models.TextField()
    digest = models.CharField(max_length=32)
    reason = models.TextField()
    raw = models.TextField()
    first_run = models.ForeignKey(PullRun, on_delete=models.PROTECT, related_name="+")
    last_run = models.ForeignKey(PullRun, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "resource", "digest"], name="quarantined_once")]

    def __str__(self) -> str:
        return f"{self.resource} {self.identity}: {self.reason}"
