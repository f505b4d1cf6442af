"""What holds over TLS as well, where the socket is another one: the deadline, and that nobody unknown gets the key."""

import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from socket import create_server

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3.exceptions import ReadTimeoutError

from partners.debitura.deadline import BoundedAdapter, within
from partners.debitura.errors import NotSent
from partners.debitura.transport import DEFAULT_TIMEOUTS, Request, Transport


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a key and a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def dripping(certificate):
    """The address of a TLS server that answers "{}" and then goes on, byte by byte."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    stop = threading.Event()

    def serve(listener):
        connection, _ = listener.accept()
        with suppress(ssl.SSLError), connection, context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}")
            while not stop.wait(0.02):
                secure.sendall(b" ")

    with create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"
        stop.set()
        thread.join(timeout=5)


def test_tls_answer_is_left_at_the_deadline(dripping, certificate):
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", BoundedAdapter())
        with within(0.3), session.get(dripping, stream=True, timeout=5, verify=str(certificate)) as response:
            assert response.raw.read(2) == b"{}"
            with pytest.raises(ReadTimeoutError):
                response.raw.read()


def test_certificate_that_only_the_environment_trusts_is_refused(dripping, certificate, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(certificate))
    transport = Transport(dripping.rstrip("/"), "key", DEFAULT_TIMEOUTS)
    with pytest.raises(NotSent, match=r"^The connection to Debitura failed \(.*SSL"):
        transport.send(Request("/me"), seconds=5)
    transport.close()
