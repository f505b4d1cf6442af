"""The server itself: the key, unknown paths, kept-alive connections, its hooks and its end."""

import http.client
from datetime import date
from typing import Any

import pytest

from sandbox.server import SandboxServer
from sandbox.world import World

PATHS = ["/me", "/clients", "/cases", "/reporting/transactions"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", ["", "wrong", "schlüssel"])
def test_wrong_key_answers_401_with_an_error_body(serve, path, key):
    answer = serve().get(path, key=key.encode("latin-1"))
    assert answer.status == 401
    assert answer.json.keys() == {"error", "message", "businessErrors"}


def test_missing_key_answers_401(serve):
    caller = serve()
    caller.connection.request("GET", "/me")
    reply = caller.connection.getresponse()
    reply.read()
    assert reply.status == 401


@pytest.mark.parametrize("path", ["/", "/reporting", "/reporting/transactions/1", "/users"])
def test_unknown_path_answers_404_in_json(serve, path):
    answer = serve().get(path)
    assert (answer.status, answer.json["error"]) == (404, "not_found")


def test_other_methods_answer_405(serve):
    assert serve().get("/me", method="POST").status == 405


def test_connection_is_kept_alive(serve):
    caller = serve()
    caller.get("/me")
    kept = caller.connection.sock
    caller.get("/clients")
    assert caller.connection.sock is kept is not None


@pytest.mark.parametrize("path", PATHS)
def test_same_arguments_answer_byte_for_byte_the_same(serve, path):
    arguments: dict[str, Any] = {"seed": 7, "transactions": 150, "clients": 9, "end": date(2025, 6, 30)}
    first, second = (serve(World.generate(**arguments)).get(path).body for _ in range(2))
    assert first == second


def test_log_holds_method_path_and_status(serve):
    caller = serve()
    caller.get("/clients", {"Page": 2})
    caller.get("/nowhere")
    assert caller.server.log == [("GET", "/clients?Page=2", 200), ("GET", "/nowhere", 404)]


def test_on_request_runs_before_the_answer_and_may_change_the_world(serve):
    seen = []

    def add_one(server, number, path):
        seen.append((number, path))
        server.world.add_payment()

    caller = serve(World.empty(), on_request=add_one)
    assert [len(caller.transactions().ids) for _ in range(2)] == [1, 2]
    assert seen == [(1, "/reporting/transactions"), (2, "/reporting/transactions")]


def test_stopped_server_cuts_kept_connections():
    with SandboxServer(World.empty()) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/me", headers={"XApiKey": server.key})
        connection.getresponse().read()
    connection.auto_open = 0
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.request("GET", "/me", headers={"XApiKey": server.key})
        connection.getresponse()
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=5).connect()


def test_taken_port_is_an_error(serve):
    with pytest.raises(OSError, match="in use"):
        SandboxServer(World.empty(), port=serve().server.port)


def test_wrong_mode_is_refused():
    with pytest.raises(ValueError, match="Unknown invoicing mode"):
        World.empty().mode = "Sometimes"
