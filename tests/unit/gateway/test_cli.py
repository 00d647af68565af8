"""The command line says clearly what is wrong, and its exit codes mean one thing each."""

import json
import socket
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from contracts.settings import Settings
from gateway.cli import main
from gateway.exit_codes import ExitCode
from gateway.settings_pages import MASK, markdown_page, setting_lines
from producers.samples import write_birmingham
from tests.cases import each

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every command in a folder of its own."""
    folder = tmp_path / "data"
    monkeypatch.setenv("BELFRY_DATA_DIR", str(folder))
    return folder


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _one_line(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.startswith("belfry: ")
    assert error.count("\n") == 1
    return error


@each(
    "argv",
    [
        [],
        ["fly"],
        ["service", "weather"],
        ["replay"],
        ["replay", "f", "--rate", "0"],
        ["demo", "--port", "80.5"],
        ["gateway", "--workers", "1.5"],
        ["token", "--lifetime", "x"],
        ["token", "--customer", "bad id!"],
        ["token", "--customer", ""],
        ["token", "--device", "../x"],
        ["token", "--scope", "everything"],
    ],
)
def test_wrong_use_exits_with_two(argv: list[str]) -> None:
    """Unknown commands, names and numbers never start anything."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == ExitCode.WRONG_USE


@each("command", ["demo", "gateway", "service", "replay", "token", "operations", "audit", "schema", "settings"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of each is there and exits with 0."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "usage: belfry" in capsys.readouterr().out


def test_an_unknown_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named."""
    monkeypatch.setenv("BELFRY_COLOUR", "blue")
    assert main(["settings"]) == ExitCode.WRONG_USE
    assert "BELFRY_COLOUR" in _one_line(capsys)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BELFRY_port", "8000"),
        ("BELFRY_ALLOWED_HOSTS", " , "),
        ("BELFRY_ACCOUNTS_URL", "http://"),
        ("BELFRY_EVENTS_URL", "http://host:port"),
        ("BELFRY_ANALYTICS_URL", "http://host:99999"),
        ("BELFRY_ANALYTICS_URL", "http://[::1"),
    ],
)
def test_a_setting_that_names_nothing_stops_the_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name, as written."""
    monkeypatch.setenv(name, value)
    assert main(["settings"]) == ExitCode.WRONG_USE
    assert name in _one_line(capsys)


def test_an_audit_record_that_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is none, or may not be read, is no whole chain."""
    (tmp_path / "gateway-1-000000000001.ndjson").mkdir()
    assert main(["audit", "verify", str(tmp_path)]) == ExitCode.FAILED
    assert "gateway-1-000000000001.ndjson" in _one_line(capsys)


def test_an_empty_folder_name_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be the folder one happens to stand in."""
    monkeypatch.setenv("BELFRY_DATA_DIR", "")
    assert main(["demo"]) == ExitCode.WRONG_USE
    assert "BELFRY_DATA_DIR is empty" in _one_line(capsys)


def test_the_schema_is_checked_against_its_snapshot(capsys: pytest.CaptureFixture[str]) -> None:
    """And says so, that silence is not taken for it."""
    assert main(["schema", "check"]) == ExitCode.DONE
    assert "is the schema" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["gateway"], ["service", "events"], ["demo"]])
def test_a_taken_port_is_told(
    argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting, the port and the reason, in one line; nothing was started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for name in ("BELFRY_PORT", "BELFRY_EVENTS_PORT"):
            monkeypatch.setenv(name, str(port))
        assert main(argv) == ExitCode.WRONG_USE
    assert f"port {port}" in _one_line(capsys)


def test_a_data_folder_that_cannot_be_written_is_told(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in its place, for example."""
    data_dir.write_text("")
    assert main(["service", "events"]) == ExitCode.WRONG_USE
    assert "BELFRY_DATA_DIR" in _one_line(capsys)


def test_a_token_is_one_line_for_the_first_customer(capsys: pytest.CaptureFixture[str]) -> None:
    """Three parts of a JWT and nothing else."""
    assert main(["token"]) == ExitCode.DONE
    token = capsys.readouterr().out
    assert (token.count("."), token.count("\n")) == (2, 1)


def test_a_token_is_bound_to_the_device_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Its claim says so, and nothing does where none is named."""
    claims = []
    for more in ([], ["--device", "phone-1"]):
        assert main(["token", *more]) == ExitCode.DONE
        payload = capsys.readouterr().out.split(".")[1]
        claims.append(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("device_id"))
    assert claims == [None, "phone-1"]


def test_no_token_is_made_for_another_issuer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be worth nothing."""
    monkeypatch.setenv("BELFRY_ISSUER", "https://id.example")
    assert main(["token"]) == ExitCode.WRONG_USE
    assert "BELFRY_ISSUER" in _one_line(capsys)


def test_a_replay_of_a_missing_file_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named."""
    assert main(["replay", str(tmp_path / "none.csv")]) == ExitCode.WRONG_USE
    assert "none.csv" in _one_line(capsys)


def test_a_replay_without_a_service_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After its patience: exit 1, and the same command goes on later."""
    monkeypatch.setattr("producers.event_client.PATIENCE_S", 0.0)
    monkeypatch.setenv("BELFRY_EVENTS_PORT", str(_free_port()))
    assert main(["replay", str(write_birmingham(tmp_path / "a.csv.gz", rows=3))]) == ExitCode.FAILED
    assert "event service" in _one_line(capsys)


def test_settings_mask_what_is_secret(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its value is never printed; that it is set is."""
    monkeypatch.setenv("BELFRY_SERVICE_TOKEN", "s3cret" * 8)
    assert main(["settings"]) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert f"BELFRY_SERVICE_TOKEN={MASK}" in printed
    assert "s3cret" not in printed


def test_every_setting_is_documented() -> None:
    """The page has a row with a meaning for each of them."""
    page = markdown_page()
    names = [line.split("=")[0] for line in setting_lines(Settings())]
    assert [name for name in names if f"| `{name}` |" not in page] == []
    assert all(row.count("|") == 5 and len(row.split("|")[4]) > 10 for row in page.splitlines()[8:])


def test_the_settings_page_is_the_generated_one() -> None:
    """docs/settings.md says what the code reads; `belfry settings --markdown` writes it anew."""
    assert (ROOT / "docs" / "settings.md").read_text() == markdown_page() + "\n"
