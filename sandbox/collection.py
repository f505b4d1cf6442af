"""The Collection Partner API: activating a case, its lifecycle, and look-ups by the partner's own reference."""

from uuid import UUID

from sandbox import rendering
from sandbox.members import Members
from sandbox.query import Query
from sandbox.records import PENDING, SandboxCase
from sandbox.replies import Refused, Reply, bad_request, to_json
from sandbox.world import World

LIFECYCLES = (PENDING, "Active", "Closed")
LONGEST_REFERENCE = 128
LONGEST_MESSAGE = 5000
MOST_REFERENCES = 100


class Collection:
    """The endpoints over one world. Call them under the world's lock."""

    def __init__(self, world: World) -> None:
        self.world = world

    def start(self, case_id: str, body: bytes) -> Reply:
        """POST /cases/{id}/start. Nothing makes it repeatable: a second one finds the case activated, and is refused."""
        case = self._case(case_id)
        members = Members(body)
        members.text("welcomeMessage", least=1, most=LONGEST_MESSAGE)
        members.check_email("userEmail", required=True)
        members.check_email("assignedUserEmail")
        for name in ("interestFees", "reminderFees", "collectionFees"):
            members.check_fee(name)
        reference = members.text("collectionPartnerReference", most=LONGEST_REFERENCE)
        if case.lifecycle != PENDING:
            raise Refused(400, "invalid_lifecycle", f"The case is {case.lifecycle}; only {PENDING} can be started.")
        started = self.world.now
        kept = case.partner_reference if reference is None else reference
        self.world.edit_case(case.id, lifecycle="Active", date_collection_started=started, partner_reference=kept)
        return _reply(
            {
                "caseId": str(case.id),
                "caseReference": case.reference,
                "status": case.lifecycle,
                "activatedAt": rendering.date(started),
                "collectionPartnerReference": case.partner_reference or None,
            }
        )

    def update(self, case_id: str, body: bytes) -> Reply:
        """PUT /cases/{id}/lifecycle, an address of this sandbox: the provider only says that there is such an update."""
        case = self._case(case_id)
        members = Members(body)
        lifecycle = members.text("lifecycle", least=1)
        reference = members.text("collectionPartnerReference", most=LONGEST_REFERENCE)
        if lifecycle not in LIFECYCLES:
            raise bad_request(f"lifecycle must be one of {', '.join(LIFECYCLES)}.")
        if (lifecycle == PENDING) != (case.lifecycle == PENDING):
            raise Refused(400, "invalid_lifecycle", f"The case is {case.lifecycle} and cannot become {lifecycle}.")
        kept = case.partner_reference if reference is None else reference
        self.world.edit_case(case.id, lifecycle=lifecycle, partner_reference=kept)
        return _reply({"caseId": str(case.id), "lifecycle": case.lifecycle})

    def look_up(self, reference: str, query: Query) -> Reply:
        """GET /cases/by-partner-reference, with one reference in the path or several in the query."""
        if reference:
            found = self._having([reference])
            if not found:
                raise Refused(404, "not_found", "No case of yours has this reference.")
            return Reply(200, rendering.case(found[reference]))
        references = [each for each in (query.text("references") or "").split(",") if each]
        if not 1 <= len(references) <= MOST_REFERENCES:
            raise bad_request(f"references must hold 1 to {MOST_REFERENCES} references.")
        rows = (
            b"%s:%s" % (to_json(key).encode(), rendering.case(case)) for key, case in self._having(references).items()
        )
        return Reply(200, b"{%s}" % b",".join(rows))

    def _having(self, references: list[str]) -> dict[str, SandboxCase]:
        """The oldest case of each reference, compared exactly."""
        wanted, found = set(references), dict[str, SandboxCase]()
        for case in self.world.cases:
            if case.partner_reference in wanted:
                found.setdefault(case.partner_reference, case)
        return found

    def _case(self, case_id: str) -> SandboxCase:
        try:
            return self.world.case(UUID(case_id))
        except (ValueError, KeyError):
            raise Refused(404, "not_found", "There is no such case among yours.") from None


def _reply(members: dict[str, str | None]) -> Reply:
    return Reply(200, to_json(members).encode())
