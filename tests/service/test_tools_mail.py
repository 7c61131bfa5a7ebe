"""Letters over a real SMTP conversation and as files: once a key, to a checked address, with an honest outcome."""

from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from services.adapters.mail import Attachment, Letter, Mailbox, Smtp, checked_address
from services.ports import ToolRefused, ToolUnavailable
from tests.service.mail_server import receiving

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LETTER = Letter(
    "key1", "a10234@example.com", "Your label", "Hello,\n\n.\ndots and ünïcode\n", (Attachment("l.pdf", b"%PDF"),)
)


def smtp(server, **changed) -> Smtp:
    return Smtp("127.0.0.1", server.port, starttls=False, timeout_seconds=changed.pop("timeout_seconds", 2), **changed)


def read(path) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())


def test_without_a_mail_server_a_letter_is_a_file_that_mail_programs_open(tmp_path):
    path = Mailbox(tmp_path, "Returns <returns@shop.example>").send(LETTER, NOW)
    letter = read(path)
    assert path.name == "key1.eml"
    assert (letter["To"], letter["Subject"], letter["Auto-Submitted"]) == (
        "a10234@example.com",
        "Your label",
        "auto-generated",
    )
    assert letter["Message-ID"] == "<key1@shop.example>"
    assert letter["Date"].datetime == NOW
    assert "ünïcode" in letter.get_body().get_content()
    (attachment,) = letter.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("l.pdf", b"%PDF")


def test_a_real_server_receives_the_letter_whole_and_once(tmp_path):
    with receiving() as server:
        box = Mailbox(tmp_path, "returns@shop.example", smtp(server))
        for _ in range(3):
            box.send(LETTER, NOW)
    (letter,) = server.accepted
    assert letter["Message-ID"] == "<key1@shop.example>"
    assert letter.get_body().get_content().replace("\r\n", "\n") == LETTER.body
    assert next(letter.iter_attachments()).get_content() == b"%PDF"


def test_another_process_after_a_crash_does_not_send_again(tmp_path):
    with receiving() as server:
        Mailbox(tmp_path, "returns@shop.example", smtp(server)).send(LETTER, NOW)
        Mailbox(tmp_path, "returns@shop.example", smtp(server)).send(LETTER, NOW)
    assert len(server.accepted) == 1


def test_a_letter_written_before_a_crash_is_still_sent_and_as_it_was_written(tmp_path):
    Mailbox(tmp_path, "returns@shop.example").send(LETTER, NOW)
    with receiving() as server:
        later = NOW.replace(hour=20)
        Mailbox(tmp_path, "returns@shop.example", smtp(server)).send(LETTER._replace(subject="Changed"), later)
    (letter,) = server.accepted
    assert (letter["Subject"], letter["Date"].datetime) == ("Your label", NOW)


@pytest.mark.parametrize(("answers", "error", "says"), [
    ({"RCPT": "550 no such mailbox"}, ToolRefused, "answered 550: no such mailbox"),
    ({"RCPT": "450 try later"}, ToolUnavailable, "answered 450"),
    ({"MAIL": "421 closing"}, ToolUnavailable, "answered 421"),
    ({"END": "554 looks like spam"}, ToolRefused, "answered 554: looks like spam"),
    ({"END": "452 disk full"}, ToolUnavailable, "answered 452"),
])  # fmt: skip
def test_a_servers_no_is_told_apart_from_its_not_now(tmp_path, answers, error, says):
    with receiving(answers) as server, pytest.raises(error, match=says):
        Mailbox(tmp_path, "returns@shop.example", smtp(server)).send(LETTER, NOW)


def test_after_a_not_now_the_next_attempt_sends(tmp_path):
    with receiving({"RCPT": "450 try later"}) as server:
        box = Mailbox(tmp_path, "returns@shop.example", smtp(server))
        with pytest.raises(ToolUnavailable):
            box.send(LETTER, NOW)
        server.answers.clear()
        box.send(LETTER, NOW)
    assert len(server.accepted) == 1


def test_a_silent_server_is_left_after_its_time(tmp_path):
    with receiving(silent=True) as server, pytest.raises(ToolUnavailable, match=r"mail server 127\.0\.0\.1"):
        Mailbox(tmp_path, "returns@shop.example", smtp(server, timeout_seconds=0.2)).send(LETTER, NOW)


def test_a_server_that_is_not_there_is_tried_later(tmp_path):
    with receiving() as server:
        pass
    with pytest.raises(ToolUnavailable, match="refused"):
        Mailbox(tmp_path, "returns@shop.example", smtp(server)).send(LETTER, NOW)


def test_a_server_without_the_encryption_asked_for_gets_nothing(tmp_path):
    with receiving({"STARTTLS": "502 unknown"}) as server:
        with pytest.raises(ToolUnavailable, match="STARTTLS"):
            Mailbox(tmp_path, "r@shop.example", Smtp("127.0.0.1", server.port, timeout_seconds=2)).send(LETTER, NOW)
        assert server.accepted == []


@pytest.mark.parametrize("address", [
    "", "nobody", "@example.com", "a@", "a@localhost", "a b@example.com", "a@example.com, b@example.com",
    "a@example.com\nBcc: b@example.com", "<a@example.com>", "a@example.com>", "a@@example.com",
])  # fmt: skip
def test_what_is_no_single_address_is_refused(tmp_path, address):
    with pytest.raises(ToolRefused, match="is no e-mail address"):
        Mailbox(tmp_path, "returns@shop.example").send(LETTER._replace(recipient=address), NOW)
    assert not list(tmp_path.glob("*"))


def test_a_good_address_is_kept():
    assert checked_address(" first.last+tag@mail.example.co.uk ") == "first.last+tag@mail.example.co.uk"


def test_a_subject_cannot_bring_a_header_of_its_own(tmp_path):
    path = Mailbox(tmp_path, "returns@shop.example").send(LETTER._replace(subject="Hi\r\nBcc: x@example.com"), NOW)
    letter = read(path)
    assert (letter["Subject"], letter["Bcc"]) == ("Hi Bcc: x@example.com", None)


def test_a_folder_that_cannot_be_written_is_told_and_tried_again_later(tmp_path):
    (tmp_path / "mail").write_text("a file where the folder should be")
    with pytest.raises(ToolUnavailable, match="mail folder mail"):
        Mailbox(tmp_path / "mail", "returns@shop.example").send(LETTER, NOW)
