"""What was earned: the rows as they are, what they went through, and the pulls that brought them.

A foreign key that leads a constraint or an index gets none of its own (db_index=False): PostgreSQL, while it has no
statistics yet, may choose the short one and read the whole account for every row it looks up.
"""

from __future__ import annotations

from django.db import models

from partners.fields import ExactDecimalField, NumericOrder
from partners.models import Case, Client, PartnerAccount
from revenue.stages import TEXTS, Stage

# The rows that Debitura still lists: the only ones of every list and total.
PRESENT = models.Q(removed_at=None)
# The rows that were seen to come into their stage; of the others it is not known when they did.
TURNED = models.Q(stage_since__gt=models.F("first_seen_at"))


class TransactionFacts(models.Model):
    """What Debitura says about a transaction, and the stage that follows from it. One definition, from staging to history."""

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


class TransactionState(TransactionFacts):
    """Everything about a transaction that can change its figures. One definition for the row as it is and for its history.

    The history names whom its transaction has named, which the database has checked then: to check each line again is
    half of what a first load costs PostgreSQL.
    """

    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    case = models.ForeignKey(
        Case, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        abstract = True


class Transaction(TransactionState):
    """A payment by a debtor and the fee it earns, as Debitura listed it last."""

    # Of the account that is being pulled: to look that up again for every row is a tenth of what a first load costs.
    account = models.ForeignKey(
        PartnerAccount, on_delete=models.PROTECT, related_name="transactions", db_index=False, db_constraint=False
    )
    transaction_id = models.UUIDField()
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="transactions", db_index=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="transactions", db_index=False)
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
        # Each is an order in which rows are asked for; those of the present rows alone let a page be counted off without
        # a look at the rows it passes over. Every one of them is paid for by every first load.
        indexes = [
            # The list, its periods, the parts of days in a total, the windows of a pull.
            models.Index(fields=["account", "payment_date", "id"], name="transaction_by_date", condition=PRESENT),
            # The list of some stages, and sorted by stage.
            models.Index(
                fields=["account", "stage", "payment_date", "id"], name="transaction_by_stage", condition=PRESENT
            ),
            # A client's list and page, the cases it paid on last, and the list sorted by client.
            models.Index(fields=["client", "payment_date", "id"], name="transaction_by_client", condition=PRESENT),
            # A case's page, which shows removed rows, too; the list sorted by case, and what a search finds by case.
            models.Index(fields=["case", "payment_date", "id", "removed_at"], name="transaction_by_case"),
            # The list sorted by an amount or by when a row was first seen.
            models.Index("account", NumericOrder("fee_usd"), "id", name="transaction_by_fee", condition=PRESENT),
            models.Index(
                "account", NumericOrder("payment_amount"), "id", name="transaction_by_amount", condition=PRESENT
            ),
            models.Index(fields=["account", "first_seen_at", "id"], name="transaction_by_arrival", condition=PRESENT),
            # What came into its stage lately. A first load finds every row in its stage, and puts nothing in here.
            models.Index(
                fields=["account", "stage", "stage_since"], name="transaction_by_turn", condition=PRESENT & TURNED
            ),
        ]

    def __str__(self) -> str:
        return str(self.transaction_id)


class KeptTotal(models.Model):
    """A sum over the present rows of an account, kept current in the transaction that writes them (revenue/pull/totals.py).

    One line for every grain, start, owner, stage and pair of flags that has rows. `is_settled`: the commission is Paid.
    """

    class Grain(models.TextChoices):
        EVER = "ever", "All time"  # start is EPOCH
        MONTH = "month", "UTC month"  # start is its first instant
        DAY = "day", "UTC day"  # of all owners together only
        # What lies between the beginning of a UTC month and `start`, a quarter of an hour at which that month may begin
        # in some time zone; counted negative where `start` comes first. Of all owners together only.
        EDGE = "edge", "Edge of a month"

    EVERY_OWNER = -1
    NO_OWNER = 0

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="kept_totals", db_index=False)
    grain = models.CharField(max_length=5, choices=Grain.choices)
    # A client's primary key, or one of the two above: all rows, and those that name no client.
    owner = models.BigIntegerField()
    start = models.DateTimeField()
    stage = models.CharField(max_length=40)
    is_estimate = models.BooleanField()
    is_settled = models.BooleanField()
    fee_usd = ExactDecimalField()
    revenue_usd = ExactDecimalField()
    rows = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "grain", "owner", "start", "stage", "is_estimate", "is_settled"],
                name="kept_once",
            )
        ]
        indexes = [models.Index(fields=["account", "grain", "start"], name="kept_by_start")]

    def __str__(self) -> str:
        return f"{self.grain} {self.start:%Y-%m-%d %H:%M} of {self.owner}: {self.stage}"


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

    class Reach(models.TextChoices):
        CHANGES = "changes", "What changed"
        EVERYTHING = "everything", "Everything"

    class Phase(models.TextChoices):
        CLIENTS = "clients", "Reading clients"
        TRANSACTIONS = "transactions", "Reading transactions"
        CASES = "cases", "Reading cases"
        WRITING = "writing", "Writing and proving"
        DONE = "done", "Done"

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="pulls", db_index=False)
    trigger = models.CharField(max_length=10, choices=Trigger.choices, default=Trigger.COMMAND)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RUNNING)
    phase = models.CharField(max_length=12, choices=Phase.choices, default=Phase.CLIENTS)
    reach = models.CharField(max_length=10, choices=Reach.choices, default=Reach.CHANGES)
    # Why the summaries of windows were not to be trusted, so that every row was listed; a sentence, "" where they were.
    fallback = models.TextField(blank=True)
    # [{"what": "settled" | "new" | "estimates", "rows"}]: what the budget of requests did not reach (docs/pull.md).
    left_for_later = models.JSONField(default=list)
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
    # Of the list of cases, which no figure depends on: rows read, new cases, changed ones, and rows that could not be read.
    cases_seen = models.IntegerField(default=0)
    cases_created = models.IntegerField(default=0)
    cases_updated = models.IntegerField(default=0)
    cases_unreadable = models.IntegerField(default=0)
    # How many cases the next pulls still have to read before all have been read; since when (UTC) every listed case has
    # been read, None before the first time; why the list was not read as it should have been, a sentence.
    cases_left = models.IntegerField(default=0)
    cases_as_of = models.DateTimeField(null=True)
    cases_trouble = models.TextField(blank=True)
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

    # Taken from the very row (revenue/pull/history.py), which is never deleted.
    transaction = models.ForeignKey(
        Transaction, on_delete=models.CASCADE, related_name="changes", db_index=False, db_constraint=False
    )
    run = models.ForeignKey(
        PullRun, on_delete=models.PROTECT, related_name="changes", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["transaction", "run"], name="one_change_a_row_and_run")]
        indexes = [
            models.Index(fields=["transaction", "seen_at"], name="change_by_time"),
            # What became of the payments of a client. Without the lines that every row has, which a first load would pay for.
            models.Index(
                fields=["client", "seen_at", "id"],
                name="change_by_client",
                condition=~models.Q(kind="first_seen"),
            ),
        ]

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


class StagedRow(TransactionFacts):
    """A new or changed row that a pull has read and not yet published; nobody sees it. It outlives a pull that dies."""

    account = models.ForeignKey(
        PartnerAccount, on_delete=models.CASCADE, related_name="staged", db_index=False, db_constraint=False
    )
    transaction_id = models.UUIDField()
    # The client and the case that the row names; None where it names none.
    creditor_id = models.UUIDField(null=True)
    external_tenant_id = models.TextField(null=True)
    company_name = models.TextField(blank=True)
    case_uuid = models.UUIDField(null=True)
    case_reference = models.TextField(blank=True)
    debtor_name = models.TextField(blank=True)
    original_amount = ExactDecimalField(null=True)
    case_currency = models.TextField(blank=True)
    unknown_statuses = models.JSONField(default=list)
    raw = models.TextField()
    fingerprint = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "transaction_id"], name="staged_once")]
        indexes = [models.Index(fields=["account", "payment_date"], name="staged_by_date")]

    def __str__(self) -> str:
        return str(self.transaction_id)


class StagedCase(models.Model):
    """A case as this pull read it in GET /cases, new or changed, and not yet published; nobody sees it."""

    account = models.ForeignKey(
        PartnerAccount, on_delete=models.CASCADE, related_name="staged_cases", db_index=False, db_constraint=False
    )
    case_id = models.UUIDField()
    reference = models.TextField(blank=True)
    # The client that the case names; None where it names none.
    creditor_id = models.UUIDField(null=True)
    external_tenant_id = models.TextField(null=True)
    company_name = models.TextField(blank=True)
    debtor_name = models.TextField(blank=True)
    original_amount = ExactDecimalField(null=True)
    currency = models.TextField(blank=True)
    client_reference = models.TextField(blank=True)
    lifecycle = models.TextField(blank=True)
    close_code = models.TextField(blank=True)
    engagement_phase = models.TextField(blank=True)
    collection_partner = models.TextField(blank=True)
    date_created = models.DateTimeField(null=True)
    remainder = ExactDecimalField(null=True)
    raw = models.TextField()
    fingerprint = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "case_id"], name="case_staged_once")]

    def __str__(self) -> str:
        return self.reference or str(self.case_id)


class StagedRemoval(models.Model):
    """A row that a pull did not find where it ought to be; published only with a proof that it is nowhere else."""

    account = models.ForeignKey(
        PartnerAccount, on_delete=models.CASCADE, related_name="staged_removals", db_index=False
    )
    transaction = models.OneToOneField(Transaction, on_delete=models.CASCADE, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["account"], name="staged_removals_of")]

    def __str__(self) -> str:
        return str(self.transaction_id)


class PullState(models.Model):
    """What the next pull of an account has to know about those before it."""

    account = models.OneToOneField(
        PartnerAccount, on_delete=models.CASCADE, related_name="pull_state", primary_key=True
    )
    # Rules and invoicing mode under which every stored row was read, and every staged one: under others all are read anew.
    read_under = models.TextField(blank=True)
    staged_under = models.TextField(blank=True)
    # How many pulls have looked closer at a part of the past; the next one looks at another.
    looks = models.IntegerField(default=0)
    # When everything was listed last (UTC); None: never.
    swept_at = models.DateTimeField(null=True)
    # A sweep that is not done yet goes on with the payments of this instant (UTC); None: it would begin anew.
    sweep_from = models.DateTimeField(null=True)
    # The instant (UTC) up to which the estimates are those of Debitura; older than the figures where the budget ran out.
    estimates_as_of = models.DateTimeField(null=True)
    # Why windows are not to be trusted at this deployment, a sentence; "" where they are. Asked again by a full sweep.
    distrust = models.TextField(blank=True)
    # The list of cases is read page by page, in rounds (revenue/pull/rotation.py): the page to go on with, how many pages
    # the last answer counted, whether the newest cases stand on the last of them, when this round began, and since when
    # (UTC) every listed case has been read; None before the first round is done.
    cases_page = models.IntegerField(default=1)
    cases_pages = models.IntegerField(null=True)
    cases_newest_last = models.BooleanField(default=False)
    cases_round_from = models.DateTimeField(null=True)
    cases_as_of = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"pull state of {self.account_id}"


class RequestCount(models.Model):
    """Requests sent with one API key in one stretch of time, where there is no Redis to count them."""

    # A digest of the key, never the key.
    key = models.CharField(max_length=64)
    seconds = models.IntegerField()
    start = models.DateTimeField()
    used = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "seconds", "start"], name="counted_once")]

    def __str__(self) -> str:
        return f"{self.used} in {self.seconds} s from {self.start:%Y-%m-%d %H:%M}"


class QuarantinedRow(models.Model):
    """A row that could not be read, as it came, with the reason. It is listed by the runs from `first_run` to `last_run`."""

    class Resource(models.TextChoices):
        TRANSACTIONS = "transactions", "Transaction"
        CLIENTS = "clients", "Client"
        CASES = "cases", "Case"

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
