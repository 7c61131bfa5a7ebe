"""Signing, the retry schedule and the address guard of webhooks, without a network."""

import base64
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from services.adapters.webhooks import (
    DELAYS_SECONDS,
    AddressGuard,
    AddressRefused,
    SignatureRefused,
    headers,
    new_secret,
    next_attempt_at,
    sign,
    verify,
)

# The example of the Standard Webhooks specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

NOW = datetime.fromtimestamp(TIMESTAMP, UTC)
PUBLIC = AddressGuard()


def test_the_published_example_gives_the_published_signature():
    assert sign(SECRET, MESSAGE_ID, TIMESTAMP, BODY) == SIGNATURE


def test_a_receiver_takes_what_we_sign():
    verify([SECRET], headers([SECRET], MESSAGE_ID, NOW, BODY), BODY, NOW)


def test_while_a_secret_is_rotated_receivers_with_either_secret_take_the_delivery():
    old, new = new_secret(), new_secret()
    sent = headers([new, old], MESSAGE_ID, NOW, BODY)
    assert len(sent["webhook-signature"].split(" ")) == 2
    verify([old], sent, BODY, NOW)
    verify([new], sent, BODY, NOW)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda sent: sent | {"webhook-id": "msg_other"},
        lambda sent: sent | {"webhook-timestamp": str(TIMESTAMP + 1)},
        lambda sent: sent | {"webhook-signature": "v1,AAAA"},
        lambda sent: sent | {"webhook-signature": ""},
        lambda sent: sent | {"webhook-signature": sent["webhook-signature"].replace("v1,", "v1a,")},
        lambda sent: sent | {"webhook-timestamp": "soon"},
        lambda sent: {name: value for name, value in sent.items() if name != "webhook-id"},
    ],
)
def test_a_tampered_header_is_refused(tamper):
    with pytest.raises(SignatureRefused):
        verify([SECRET], tamper(headers([SECRET], MESSAGE_ID, NOW, BODY)), BODY, NOW)


def test_a_tampered_body_and_a_foreign_secret_are_refused():
    sent = headers([SECRET], MESSAGE_ID, NOW, BODY)
    with pytest.raises(SignatureRefused):
        verify([SECRET], sent, BODY.replace(b"4", b"5"), NOW)
    with pytest.raises(SignatureRefused):
        verify([new_secret()], sent, BODY, NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_future_timestamp_is_refused_though_the_signature_holds(minutes):
    sent = headers([SECRET], MESSAGE_ID, NOW, BODY)
    with pytest.raises(SignatureRefused, match="five minutes"):
        verify([SECRET], sent, BODY, NOW + timedelta(minutes=minutes))


def test_a_new_secret_is_prefixed_and_has_256_bits():
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize("secret", ["whsec_AAAA", "whsec_not base64!", "whsec_" + base64.b64encode(bytes(65)).decode()])
def test_an_unusable_secret_signs_nothing(secret):
    with pytest.raises(ValueError, match="secret"):
        sign(secret, MESSAGE_ID, TIMESTAMP, BODY)


def test_delays_grow_and_patience_ends():
    waits = [next_attempt_at(attempts, NOW, 99, draw=0.0) for attempts in range(1, len(DELAYS_SECONDS) + 1)]
    assert [int((at - NOW).total_seconds()) for at in waits[:4] if at] == [5, 300, 1800, 7200]
    assert waits[-1] is None
    assert all(one < other for one, other in pairwise(waits[:-1]))


def test_a_smaller_limit_ends_patience_sooner_and_jitter_stays_within_a_tenth():
    assert next_attempt_at(3, NOW, 3) is None
    at = next_attempt_at(2, NOW, 8, draw=0.999)
    assert at is not None
    assert 300 <= (at - NOW).total_seconds() <= 330


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hook",
        "https://127.1/hook",  # short form of the same
        "https://2130706433/hook",  # and as one number
        "https://0x7f.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://localhost/hook",
        "https://a.localhost/hook",
        "https://10.1.2.3/hook",
        "https://172.16.0.1/hook",
        "https://192.168.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/hook",
        "https://0.0.0.0/hook",
        "https://224.0.0.1/hook",
        "https://[fe80::1]/hook",
        "https://[fc00::1]/hook",
        "https://user:password@example.com/hook",
        "http://example.com/hook",
        "ftp://example.com/hook",
        "https:///hook",
        "https://example.com:0/hook",
        "https://example.com:99999/hook",
        "https://exämple.com/hook",
        "https://example.com/a b",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_is_not_public_or_not_clean_is_refused(url):
    with pytest.raises(AddressRefused):
        PUBLIC.check_url(url)


def test_a_public_address_is_taken():
    PUBLIC.check_url("https://example.com/hooks/returns?shop=1")
    PUBLIC.check_url("https://8.8.8.8/hook")


def test_development_reaches_this_machine_and_nothing_else_that_is_private():
    guard = AddressGuard(allow_loopback=True)
    assert guard.resolve("http://localhost:8080/hook") in {"127.0.0.1", "::1"}
    with pytest.raises(AddressRefused):
        guard.check_url("http://10.0.0.1/hook")


def test_the_setting_opens_private_networks_but_never_the_unspecified_address():
    guard = AddressGuard(allow_private=True)
    guard.check_url("http://10.0.0.1/hook")
    with pytest.raises(AddressRefused):
        guard.check_url("http://0.0.0.0/hook")


def test_a_name_that_resolves_to_this_machine_is_refused_when_it_is_connected():
    with pytest.raises(AddressRefused):
        PUBLIC.resolve("https://localhost./hook")
