import json
from pathlib import Path

import pytest

from infra.settings import Settings, SettingsInvalid, get_settings, load_settings

REAL_SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))


@pytest.mark.parametrize("environment", ["production", "testing"])
@pytest.mark.parametrize("secret", ["development-only-placeholder", "changeme", "short", ""])
def test_a_placeholder_secret_is_refused_outside_development(
    monkeypatch: pytest.MonkeyPatch, environment: str, secret: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", environment)
    monkeypatch.setenv("SECRET_KEY", secret)
    with pytest.raises(SettingsInvalid, match=r"SECRET_KEY: a placeholder is refused .*`openssl rand"):
        load_settings()


def test_development_starts_with_the_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.delenv("SECRET_KEY")
    assert load_settings().environment == "development"


def test_production_starts_with_a_real_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", REAL_SECRET)
    assert load_settings().environment == "production"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "localhost:6379"),
        ("LOG_LEVEL", "loud"),
        ("AUDIT_SHARE", "1.5"),
        ("NIGHTLY_AT_UTC", "26:00"),
        ("ENVIRONMENT", "staging"),
        ("HEARTBEAT_SECONDS", "50"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", REAL_SECRET)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match=f"^{name}: ") as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_an_error_never_repeats_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://user:hunter2@db/x")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("PORT", "")
    assert (load_settings().database_url, load_settings().port) == (None, 8000)


def test_the_dotenv_file_counts_outside_tests_and_the_environment_beats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PORT=9001\nAUDIT_SHARE=0.5\n")
    assert load_settings().port == 8000  # Under ENVIRONMENT=testing a developer's file changes nothing.
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("PORT", "9002")
    assert (load_settings().port, load_settings().audit_share) == (9002, 0.5)


def test_other_commands_find_the_running_embedded_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = tmp_path / "var" / "run"
    run.mkdir(parents=True)
    (run / "addresses.json").write_text(json.dumps({"database_url": "postgresql://a", "redis_url": "redis://b"}))
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    get_settings.cache_clear()
    try:
        assert get_settings().database_url == "postgresql://a"
        assert get_settings().redis_url == "redis://elsewhere"
        assert load_settings().database_url is None
    finally:
        get_settings.cache_clear()


def test_every_command_of_a_development_desk_signs_with_its_own_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "secret_key").write_text(REAL_SECRET)
    monkeypatch.delenv("SECRET_KEY")
    monkeypatch.setenv("ENVIRONMENT", "development")
    get_settings.cache_clear()
    try:
        assert get_settings().secret_key.get_secret_value() == REAL_SECRET
    finally:
        get_settings.cache_clear()


def test_the_example_file_names_only_settings_that_exist() -> None:
    example = Path(__file__).parents[2] / ".env.example"
    names = [line.lstrip("# ").split("=")[0] for line in example.read_text().splitlines() if "=" in line]
    of_compose = {"postgres_password", "valkey_password", "triage_workers"}
    assert len(names) > 20
    assert {name.lower() for name in names} <= set(Settings.model_fields) | of_compose
