"""Who the partner is, whom it referred, and which cases came of it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Left, Lower
from django.utils import timezone

from partners import secrets
from partners.debitura.records import waits_for_activation
from partners.fields import ExactDecimalField

LONGEST_MODE = 50
# The order of clients by name, without regard to case. Cut, as no index holds a text of any length; equal ones stand by id.
BY_NAME = Lower(Left("company_name", 200))
# All that a search looks for in a case, at once: one index of three-letter pieces costs half of what four do. The unit
# separator keeps a text from being found across two of them.
CASE_TEXT = models.Func(
    *("reference", "debtor_name", "client_reference", "partner_reference"),
    template="(%(expressions)s)",
    arg_joiner=f" || '{chr(31)}' || ",
    output_field=models.TextField(),
)


class PartnerAccount(models.Model):
    """One referral partner at Debitura: one API key, one base URL."""

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=200)
    base_url = models.CharField(max_length=300)
    sealed_api_key = models.TextField()
    # Who GET /me says the key belongs to: two partners' books must never meet in one account. Empty where it does not say.
    partner_id = models.TextField(blank=True)
    # PayWhenPaid or ConfirmedPipeline, as GET /me says: it decides the stage of a row.
    invoicing_trigger_mode = models.CharField(max_length=LONGEST_MODE, default="PayWhenPaid")
    created_at = models.DateTimeField(default=timezone.now)
    # The Collection Partner API, through which cases are activated: an address and a key of its own; empty: not connected.
    collection_base_url = models.CharField(max_length=300, blank=True)
    sealed_collection_key = models.TextField(blank=True)
    # Where that API takes a case's lifecycle, such as /cases/{id}/lifecycle; empty where it has no such address.
    lifecycle_path = models.CharField(max_length=200, blank=True)
    # What deliveries of Debitura's webhook are signed with; empty: not connected. When one last started a pull.
    sealed_webhook_secret = models.TextField(blank=True)
    hastened_at = models.DateTimeField(null=True)
    # Whether people see this account only with a second factor of their own (accounts.access).
    requires_second_factor = models.BooleanField(default=False)
    # When each secret was set (UTC); None: never, or before this was noted.
    api_key_set_at = models.DateTimeField(null=True)
    collection_key_set_at = models.DateTimeField(null=True)
    webhook_secret_set_at = models.DateTimeField(null=True)
    # Since when Debitura rejects the API key, and when its admins were told so by mail (UTC); None: it does not, they were not.
    key_rejected_at = models.DateTimeField(null=True)
    key_rejection_told_at = models.DateTimeField(null=True)
    # How often people have changed something that its pages show (revenue.selectors.version).
    edits = models.IntegerField(default=0)

    # The columns that hold a secret, each sealed (partners.secrets), and what people call it.
    SEALED: ClassVar[dict[str, str]] = {
        "sealed_api_key": "API key",
        "sealed_collection_key": "key of the Collection Partner API",
        "sealed_webhook_secret": "webhook secret",
    }

    def __str__(self) -> str:
        return self.name

    @property
    def api_key(self) -> str:
        """The key in the clear. Raises secrets.UnreadableSecret."""
        return secrets.decrypt(self.sealed_api_key)

    @api_key.setter
    def api_key(self, value: str) -> None:
        self.sealed_api_key = secrets.encrypt(value)

    @property
    def collection_key(self) -> str:
        """The key of the Collection Partner API in the clear. Raises secrets.UnreadableSecret."""
        return secrets.decrypt(self.sealed_collection_key)

    @collection_key.setter
    def collection_key(self, value: str) -> None:
        self.sealed_collection_key = secrets.encrypt(value)

    @property
    def webhook_secret(self) -> str:
        """The base64 text that Debitura showed. Raises secrets.UnreadableSecret."""
        return secrets.decrypt(self.sealed_webhook_secret)

    @webhook_secret.setter
    def webhook_secret(self, value: str) -> None:
        self.sealed_webhook_secret = secrets.encrypt(value)

    @property
    def is_collecting(self) -> bool:
        """Whether the Collection Partner API is connected."""
        return bool(self.collection_base_url and self.sealed_collection_key)

    def note_edit(self) -> None:
        """Tell the pages that somebody changed what they show; in the transaction of the change, before it.

        So everybody who changes something waits here and nowhere else, whatever it is that they change.
        """
        PartnerAccount.objects.filter(pk=self.pk).update(edits=models.F("edits") + 1)

    def is_of_another(self, partner_id: str) -> bool:
        """Whether a key of `partner_id` belongs to somebody else than the keys before it."""
        return bool(self.partner_id and partner_id) and self.partner_id != partner_id

    def take_mode(self, mode: str) -> None:
        """Set the mode that GET /me says; one that nobody knows may be of any length, and is cut."""
        self.invoicing_trigger_mode = mode[:LONGEST_MODE]


class Client(models.Model):
    """A creditor whom the partner referred. `creditor_id` is its identity; the partner's own id may be missing."""

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="clients", db_index=False)
    creditor_id = models.UUIDField()
    # Missing and empty are different things upstream.
    external_tenant_id = models.TextField(null=True)
    company_name = models.TextField(blank=True)
    registration_number = models.TextField(blank=True)
    country = models.TextField(blank=True)
    address = models.TextField(blank=True)
    email = models.TextField(blank=True)
    phone = models.TextField(blank=True)
    users = models.JSONField(default=list)
    is_attributed = models.BooleanField(null=True)
    onboarding_done = models.BooleanField(null=True)
    onboarding_url = models.TextField(blank=True)
    date_linked = models.DateTimeField(null=True)
    cases_total = models.IntegerField(null=True)
    cases_closed = models.IntegerField(null=True)
    # What Debitura says this client earned the partner (USD); compared with our own sum.
    earnings_usd = ExactDecimalField(null=True)
    kyc_status = models.TextField(blank=True)
    fee_percentage = ExactDecimalField(null=True)
    # Since when Debitura does not list it any more; its transactions stay.
    archived_at = models.DateTimeField(null=True)
    raw = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "creditor_id"], name="client_identity")]
        indexes = [
            models.Index(fields=["account", "external_tenant_id"], name="client_external_tenant"),
            # The form that chooses a client, and the list of transactions sorted by client.
            models.Index("account", BY_NAME, "id", name="client_by_name"),
        ]

    def __str__(self) -> str:
        return self.company_name or str(self.creditor_id)


class Case(models.Model):
    """A debt that Debitura collects for a client: as payments name it, and as GET /cases describes it."""

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="cases", db_index=False)
    case_id = models.UUIDField()
    reference = models.TextField(blank=True)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="cases", db_index=False)
    debtor_name = models.TextField(blank=True)
    original_amount = ExactDecimalField(null=True)
    currency = models.TextField(blank=True)
    # The partner's own reference: never written by a pull, always by partners.references.
    partner_reference = models.CharField(max_length=128, blank=True)
    # Only GET /cases tells these; empty until it has.
    client_reference = models.TextField(blank=True)
    lifecycle = models.TextField(blank=True)
    close_code = models.TextField(blank=True)
    engagement_phase = models.TextField(blank=True)
    # Who collects: the partner of Debitura that manages the case.
    collection_partner = models.TextField(blank=True)
    date_created = models.DateTimeField(null=True)
    remainder = ExactDecimalField(null=True)
    raw = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "case_id"], name="case_identity")]
        indexes = [
            models.Index(fields=["account", "reference"], name="case_reference"),
            # The list of transactions sorted by case.
            models.Index("account", Lower("reference"), "id", name="case_by_reference"),
            # A client's cases, those never paid on in this order.
            models.Index(fields=["client", "reference", "id"], name="case_of_client"),
            # The list of a client's cases for its own people.
            models.Index(fields=["client", "date_created", "id"], name="case_of_client_by_date"),
            # Look-ups by the partner's own reference.
            models.Index(
                fields=["account", "partner_reference", "id"],
                name="case_by_partner_reference",
                condition=~models.Q(partner_reference=""),
            ),
            # The list of cases, and those in one state.
            models.Index(fields=["account", "date_created", "id"], name="case_by_date"),
            models.Index(fields=["account", "lifecycle", "date_created", "id"], name="case_in_state"),
        ]

    def __str__(self) -> str:
        return self.reference or str(self.case_id)

    def note_edit(self) -> None:
        """As that of its account, which is not read for it: SQLite lets nobody wait who has read before they write."""
        PartnerAccount(pk=self.account_id).note_edit()

    @property
    def is_pending_verification(self) -> bool:
        """Whether the case waits to be activated."""
        return waits_for_activation(self.lifecycle)


class ReferenceChange(models.Model):
    """The partner reference of a case was set, changed or cleared: by whom, when (UTC), and from what to what."""

    class Source(models.TextChoices):
        PAGE = "page", "on its page"
        BULK = "bulk", "from a file"
        API = "api", "by the API"
        ACTIVATION = "activation", "at activation"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="reference_changes", db_index=False)
    old = models.CharField(max_length=128, blank=True)
    new = models.CharField(max_length=128, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.CharField(max_length=10, choices=Source.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["case", "at", "id"], name="reference_changes_of"),
            # What was changed since a moment.
            models.Index(fields=["at", "id"], name="reference_changes_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.old!r} became {self.new!r}"


class ClientEvent(models.Model):
    """Something that became of a client or of one of its cases, and when it came to be known here (UTC).

    What a payment or a reference went through is kept with that. old, new: the state of the case, as Debitura writes it.
    Those of a pull have its own `as_of`; others are written by who holds the account (note_edit), so that no event of a time
    up to that of a published pull is ever written after it.
    """

    class Kind(models.TextChoices):
        LINKED = "linked", "Newly linked"
        ARCHIVED = "archived", "No longer listed"
        RETURNED = "returned", "Listed again"
        ONBOARDED = "onboarded", "Onboarding complete"
        CASE_NEW = "case_new", "New case"
        CASE_STATE = "case_state", "Case in another state"

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="events", db_index=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    old = models.TextField(blank=True)
    new = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["client", "at", "id"], name="client_events_by_time")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"


class Activation(models.Model):
    """An attempt to activate a case at Debitura: what was asked for by whom, and what came of it.

    Written before anything is sent: an attempt that ends without an answer, be it that this process died, is UNCLEAR, and
    is looked up at Debitura before anybody may try again.
    """

    class State(models.TextChoices):
        SENDING = "sending", "Being sent"
        DONE = "done", "Activated"
        REFUSED = "refused", "Refused"
        UNCLEAR = "unclear", "Unclear"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="activations", db_index=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.SENDING)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    # What was sent, as JSON text: amounts keep every digit.
    request = models.TextField()
    # Why it was refused, or is unclear: a sentence for people.
    message = models.TextField(blank=True)

    class Meta:
        constraints = [
            # Two people, or two clicks, never activate a case at once; and nobody before an unclear attempt is looked up.
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(state__in=["sending", "unclear"]), name="one_open_activation"
            )
        ]
        indexes = [models.Index(fields=["case", "started_at", "id"], name="activations_of")]

    def __str__(self) -> str:
        return f"activation of {self.case_id}: {self.state}"


class ReferenceImport(models.Model):
    """A file of partner references that somebody looked through before applying it.

    plan: [{"line": its number in the file, "case": primary key, "old": the reference then, "new": the one to set}…].
    problems: [{"line", "text": as typed, cut where it is very long, "message": what to do, "debitura", "partner": its
    references as far as they can be told}…]. outcome: after applying, how many were set, and the lines left alone because
    somebody else had changed them: {"changed": n, "conflicts": [{"line", "case", "now"}…]}.
    """

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="reference_imports")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    lines = models.IntegerField()
    unchanged = models.IntegerField()
    plan = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    applied_at = models.DateTimeField(null=True)
    outcome = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.lines} lines of {self.at:%Y-%m-%d %H:%M}"


class WebhookDelivery(models.Model):
    """A delivery of Debitura's webhook that came in: kept for a while, as each one may come more than once."""

    account = models.ForeignKey(PartnerAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    delivery_id = models.CharField(max_length=200)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "delivery_id"], name="one_row_a_delivery")]
        indexes = [models.Index(fields=["account", "received_at"], name="deliveries_by_age")]

    def __str__(self) -> str:
        return self.delivery_id
