"""References as files that can be changed and applied again: those of every case, and the lines that need mending.

The first two columns are those of partners.reference_file, which reads them to the same references; the others are for
people, and are not looked at.
"""

from __future__ import annotations

from datetime import datetime

from partners.models import ReferenceImport
from partners.reference_file import HEADINGS, harmless
from partners.spreadsheets import safe_text
from revenue.exports.files import Export, Lines, in_one_state, written
from revenue.exports.names import partner_part
from revenue.filters import PageFilter
from revenue.selectors.cases import cases_seen

_CHUNK = 1000


def references_csv(f: PageFilter, *, now: datetime) -> Export:
    """The name of the file and its bytes: every case that may be seen and has a Debitura reference, in its order."""
    name = ("references", *partner_part(f.is_default_account, f.account))
    return in_one_state(name, "csv", f.account, now, written((*HEADINGS, "Client reference", "Client"), _lines(f)))


def _lines(f: PageFilter) -> Lines:
    cases = cases_seen(f.sight).exclude(reference="").order_by("reference", "pk")
    columns = ("reference", "partner_reference", "client_reference", "client__company_name")
    for reference, partner_reference, *about in cases.values_list(*columns).iterator(chunk_size=_CHUNK):
        yield [harmless(reference), harmless(partner_reference), *map(safe_text, about)]


def lines_to_mend_csv(found: ReferenceImport) -> Export:
    """The name of the file and its bytes: every line that could not be used, with its number and what to do."""
    header = (*HEADINGS, "Line", "What to do", "As it stood in the file")
    return f"references-to-mend_{found.pk}.csv", written(header, _lines_to_mend(found))


def _lines_to_mend(found: ReferenceImport) -> Lines:
    for problem in found.problems:
        references = harmless(problem["debitura"]), harmless(problem["partner"])
        yield [*references, str(problem["line"]), safe_text(problem["message"]), safe_text(problem["text"])]
