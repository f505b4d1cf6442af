"""What a token may be used for. Who is signed in with a session may do what the person may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiToken

if TYPE_CHECKING:
    # The framework loads this file while it loads its views.
    from rest_framework.views import APIView


class InsufficientScope(PermissionDenied):
    """403, naming the scope that is missing, also as RFC 6750 wants it."""

    default_code = "insufficient_scope"

    def __init__(self, scope: ApiToken.Scope) -> None:
        super().__init__(f"This token lacks the scope {scope}. Make one that has it in Feeboard: Profile, API tokens.")
        self.auth_header = f'Bearer error="insufficient_scope", scope="{scope}"'


class TokenScope(BasePermission):
    """Lets a token do what its scopes say. A method that an address does not have is not for us to refuse."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiToken) or request.method not in view.allowed_methods:
            return True
        needed = scope_needed(view, request.method)
        if needed not in request.auth.scopes:
            raise InsufficientScope(needed)
        return True


def scope_needed(view: APIView, method: str) -> ApiToken.Scope:
    """To read for GET and for what a view names in `reading_methods`; whatever else there is changes something."""
    reads = method in {*SAFE_METHODS, *getattr(view, "reading_methods", ())}
    return ApiToken.Scope.READ if reads else ApiToken.Scope.REFERENCES
