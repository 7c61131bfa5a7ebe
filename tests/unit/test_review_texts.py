"""The pages' words stand in one place: no template holds a word of its own, and no key is missing or left over."""

import re
from pathlib import Path

import pytest
from markupsafe import Markup

from review_ui.texts import TEXTS, t

FOLDER = Path(__file__).parents[2] / "review_ui"
TEMPLATES = sorted(
    path
    for path in (FOLDER / "templates").glob("*.html")
    if not path.name.startswith(("_ops", "ops_")) and path.name != "operations.html"  # Words of the operators' pages.
)
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
SPOKEN = re.compile(r'\b(?:title|placeholder|aria-label|alt)="([^"]*)"')
NOT_WORDS = {"Ctrl", "Enter", "Esc", "days_since_delivery", "returns-desk", "audit", "verify", "u", "g", "m", "w"}


def words_of(source):
    """Return what a reader would see or hear of a template's own."""
    plain = JINJA.sub(" ", re.sub(r"{% block kind %}\w*{% endblock %}", "", source))
    heard = " ".join(SPOKEN.findall(plain)).replace("days_since_delivery <= 30", "")
    seen = re.sub(r"<[^>]*>", " ", plain.replace("<= 30", ""))
    return set(re.findall(r"[^\W\d_][\w-]*", f"{heard} {seen}")) - NOT_WORDS


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_word_of_its_own(path):
    found = words_of(path.read_text(encoding="utf-8")) - {"a", "b", "c", "e", "i", "n", "r", "s", "t", "doctype"}
    assert found == set()


def test_every_key_is_used_and_every_used_key_is_there():
    source = "\n".join(path.read_text(encoding="utf-8") for path in TEMPLATES)
    source += "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py") if "texts" not in path.name)
    named = set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)*)"', source))
    built = set(re.findall(r't\("([a-z]+\.)" ~', source))
    used = {key for key in TEXTS if key in named or any(key.startswith(prefix) for prefix in built)}
    assert set(TEXTS) - used == set()
    asked = set(re.findall(r'\bt\("([a-z_.]+)"[,)]', source))
    assert asked - set(TEXTS) == set()


def test_what_is_put_into_a_text_is_escaped_and_our_own_markup_is_not():
    assert t("labels.by", name="<script>") == "by &lt;script&gt;"
    assert t("labels.by", name=Markup("<b>kim</b>")) == "by <b>kim</b>"


def test_a_text_of_two_forms_is_chosen_by_its_number():
    assert [t("queue.items", n=n) for n in (0, 1, "1", 2)] == ["0 items", "1 item", "1 item", "2 items"]
