"""Who the partner is, whom it referred, and which cases came of it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Left, Lower
from django.utils import timezone

from partners import secrets
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

    def __str__(self) -> str:
        return self.name

    @property
    def api_key(self) -> str:
        """The key in the clear. Raises secrets.UnreadableSecret."""
        return secrets.decrypt(self.sealed_api_key)

    @api_key.setter
    def api_key(self, value: str) -> None:
        self.sealed_api_key = secrets.encrypt(value)

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
    """A debt that Debitura collects for a client."""

    account = models.ForeignKey(PartnerAccount, on_delete=models.PROTECT, related_name="cases", db_index=False)
    case_id = models.UUIDField()
    reference = models.TextField(blank=True)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="cases", db_index=False)
    client_reference = models.TextField(blank=True)
    # The partner's own reference: never written by a pull.
    partner_reference = models.CharField(max_length=128, blank=True)
    debtor_name = models.TextField(blank=True)
    original_amount = ExactDecimalField(null=True)
    currency = models.TextField(blank=True)
    lifecycle = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "case_id"], name="case_identity")]
        indexes = [
            models.Index(fields=["account", "reference"], name="case_reference"),
            # The list of transactions sorted by case.
            models.Index("account", Lower("reference"), "id", name="case_by_reference"),
            # A client's cases, those never paid on in this order.
            models.Index(fields=["client", "reference", "id"], name="case_of_client"),
        ]

    def __str__(self) -> str:
        return self.reference or str(self.case_id)
