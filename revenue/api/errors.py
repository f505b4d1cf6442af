"""One shape for everything that goes wrong: {"error": {"code", "message", "fields"?}}."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from accounts.access import NoAccount
from partners.activation import ActivationError, InvalidActivation, OutcomeUnclear, Refused
from revenue.api.bodies import InvalidBody
from revenue.filters import FilterError

# An activation that cannot be carried out conflicts with how things stand: 409. Where Debitura's answer decided, the
# status says so: 502, it answered, and the answer was no; 503, nobody knows yet, and whoever asks again does no harm, as
# an attempt that is unclear is looked up at Debitura before anything is sent.
_OF_DEBITURA = {Refused: status.HTTP_502_BAD_GATEWAY, OutcomeUnclear: status.HTTP_503_SERVICE_UNAVAILABLE}


def error_response(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to an exception of a view, in JSON whatever was asked for; None for one that is a defect of ours."""
    request = context["request"]
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    if isinstance(exc, FilterError):
        return Response(error_body("invalid_parameters", str(exc), exc.fields), status=status.HTTP_400_BAD_REQUEST)
    if isinstance(exc, NoAccount):
        return Response(error_body("no_account", str(exc)), status=status.HTTP_404_NOT_FOUND)
    if isinstance(exc, InvalidBody | InvalidActivation):
        return Response(error_body("invalid_body", str(exc), exc.fields), status=status.HTTP_400_BAD_REQUEST)
    if isinstance(exc, ActivationError):
        return Response(error_body(exc.code, str(exc)), status=_OF_DEBITURA.get(type(exc), status.HTTP_409_CONFLICT))
    response = exception_handler(exc, context)
    if response is not None:
        response.data = error_body(_code(exc), _message(exc))
    return response


def error_body(code: str, message: str, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """`code` is for programs, `message` for people, `fields` says what is wrong with which parameter."""
    error: dict[str, Any] = {"code": code, "message": message}
    if fields:
        error["fields"] = fields
    return {"error": error}


def _code(exc: Exception) -> str:
    if not isinstance(exc, APIException):
        return "not_found" if isinstance(exc, Http404) else "permission_denied"
    codes = exc.get_codes()
    return codes if isinstance(codes, str) else exc.default_code


def _message(exc: Exception) -> str:
    if not isinstance(exc, APIException):
        return str(exc) or "There is nothing here."
    return str(exc.detail) if isinstance(exc.detail, str) else "The request cannot be read."
