"""The command line `belfry`: reads arguments and settings, then hands over. It serves nothing itself.

What a command needs is imported when it runs, so that `belfry --help` answers at once.
"""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from contracts.failures import Failure, Rejected
from contracts.scopes import CUSTOMER_ID, TokenScope
from contracts.settings import WORKERS_MAX, BadSetting, Settings, read_settings
from gateway.exit_codes import ExitCode

REPLAY_FORMATS = ("cloudevents", "birmingham", "berka")
SERVICES = ("accounts", "events", "analytics")
SNAPSHOT = Path(__file__).parent.parent / "schema" / "schema.graphql"

Command = Callable[[argparse.Namespace, Settings], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `ExitCode`. Errors are one line on standard error."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(arguments, read_settings(os.environ))
    except (BadSetting, Rejected) as error:
        return _complain(error, ExitCode.WRONG_USE)
    except Failure as failure:
        return _complain(failure, ExitCode.FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has enough; what is still buffered must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE


def _complain(error: object, code: ExitCode) -> int:
    print(f"belfry: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="belfry",
        description="The backend of a bank's mobile app: one GraphQL gateway over the event, account and "
        "analytics services.",
        epilog="Settings come from BELFRY_* variables: `belfry settings` prints them. "
        "Exit codes: 0 done, 1 failed, 2 wrong use or setting, 3 a replay had refused rows, 130 interrupted.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_running(commands)
    _add_replay(commands)
    _add_token(commands)
    _add_operations(commands)
    _add_audit(commands)
    _add_capacity(commands)
    _add_printing(commands)
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse gives its type no public name


def _add_running(commands: "_Commands[argparse.ArgumentParser]") -> None:
    demo = commands.add_parser("demo", help="run everything with demo customers and live events, until Ctrl-C")
    demo.add_argument(
        "--fresh", action="store_true", help="delete what Belfry stored in the data folder, and start over"
    )
    demo.add_argument("--no-simulator", action="store_true", help="send no live events")
    demo.add_argument("--port", type=_port, metavar="N", help="port of the gateway (default: BELFRY_PORT)")
    demo.set_defaults(command=_demo)
    gateway = commands.add_parser("gateway", help="run the gateway alone")
    gateway.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="processes that share the port; 0: one a core (default: BELFRY_WORKERS)",
    )
    gateway.set_defaults(command=_gateway)
    service = commands.add_parser("service", help="run one service alone")
    service.add_argument("name", choices=SERVICES)
    service.set_defaults(command=_service)


def _add_replay(commands: "_Commands[argparse.ArgumentParser]") -> None:
    replay = commands.add_parser(
        "replay",
        help="send a file's events to the event service; goes on where it was interrupted",
        description="Sending a file twice is harmless: what is already in the log comes back as duplicate.",
    )
    replay.add_argument(
        "file", type=Path, metavar="FILE", help="plain or gzip file; for berka its folder or trans file"
    )
    replay.add_argument("--format", choices=REPLAY_FORMATS, help="default: told by how the file begins")
    replay.add_argument("--rate", type=_rate, metavar="N", help="events a second at most (default: as fast as it goes)")
    replay.add_argument("--restart", action="store_true", help="begin at the first row, whatever was sent before")
    replay.set_defaults(command=_replay)


def _add_token(commands: "_Commands[argparse.ArgumentParser]") -> None:
    token = commands.add_parser("token", help="print an access token of the demo issuer")
    token.add_argument("--customer", type=_id, metavar="ID", help="the customer (default: the demo's first)")
    token.add_argument(
        "--scope",
        action="append",
        default=[],
        choices=[scope.value for scope in TokenScope],
        help="a scope to grant; repeatable (default: all)",
    )
    token.add_argument("--device", type=_id, metavar="ID", help="the customer's device it is bound to (default: none)")
    token.add_argument("--lifetime", type=_seconds, metavar="S", help="seconds until it expires (default: 8 hours)")
    token.set_defaults(command=_token)


def _add_operations(commands: "_Commands[argparse.ArgumentParser]") -> None:
    operations = commands.add_parser(
        "operations",
        help="build, sign or verify the manifest of trusted documents",
        description="build writes the manifest of a folder's *.graphql files, one named operation each; sign signs it "
        "in place with OPERATIONS_SIGNING_KEY (32 bytes in base64), or with --kms, and prints the public key; verify "
        "checks it.",
    )
    operations.add_argument("action", choices=("build", "sign", "verify"))
    operations.add_argument(
        "--manifest", type=Path, metavar="FILE", help="default: BELFRY_DOCUMENTS_MANIFEST, or operations.json"
    )
    operations.add_argument("--from", dest="folder", type=Path, metavar="DIR", help="default: Belfry's own operations")
    operations.add_argument("--kms", metavar="KEY", help="sign with this Ed25519 key of AWS KMS: id, ARN or alias")
    operations.add_argument("--key", metavar="KEY", help="public key to verify with (default: BELFRY_DOCUMENTS_KEY)")
    operations.set_defaults(command=_operations)


def _add_audit(commands: "_Commands[argparse.ArgumentParser]") -> None:
    audit = commands.add_parser("audit", help="check the audit record")
    audit.add_argument("action", choices=("verify",), help="walk every chain; exits with 1 at the first broken record")
    audit.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="default: audit in the data folder")
    audit.set_defaults(command=_audit)


def _add_capacity(commands: "_Commands[argparse.ArgumentParser]") -> None:
    capacity = commands.add_parser(
        "capacity",
        help="plan a load on AWS: shards, workers, tables, replicas, cost, and the limits met first",
        description="Arithmetic over list prices, AWS's limits and measured CPU; it asks nobody and changes nothing.",
    )
    for name, metavar, meaning in (
        ("events-per-hour", "N", "mean rate of events (default: 35e6)"),
        ("peak-factor", "X", "peak over mean (default: 2)"),
        ("event-bytes", "N", "size of one event (default: 600)"),
        ("alert-share", "X", "alerts per event (default: 0.01)"),
        ("phones", "N", "live feeds at the peak (default: 500,000)"),
        ("queries-per-s", "N", "GraphQL requests a second at the peak (default: 5,000)"),
        ("retention-hours", "H", "how long the event log can be read again, 24 to 168 (default: 168)"),
        ("ingest-us", "US", "CPU of accepting one event, in microseconds (default: measured)"),
        ("analytics-us", "US", "CPU of analysing one event, in microseconds (default: measured)"),
        ("query-us", "US", "CPU of one GraphQL request, in microseconds (default: measured)"),
    ):
        capacity.add_argument(f"--{name}", type=_positive, metavar=metavar, help=meaning)
    capacity.set_defaults(command=_capacity)


def _add_printing(commands: "_Commands[argparse.ArgumentParser]") -> None:
    schema = commands.add_parser("schema", help="print the GraphQL schema, or check it against the snapshot")
    schema.add_argument("action", choices=("print", "check"))
    schema.set_defaults(command=_schema)
    settings = commands.add_parser("settings", help="print the settings in force, secrets masked")
    settings.add_argument(
        "--markdown", action="store_true", help="print their documentation instead (docs/settings.md)"
    )
    settings.set_defaults(command=_settings)


def _number_in(low: float, high: float, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
    return number


def _whole_in(low: int, high: int, text: str) -> int:
    number = _number_in(low, high, text)
    if not number.is_integer():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(number)


def _port(text: str) -> int:
    return _whole_in(0, 65535, text)


def _workers(text: str) -> int:
    return _whole_in(0, WORKERS_MAX, text)


def _id(text: str) -> str:
    if CUSTOMER_ID.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no id: letters, digits and ._:-, at most 128 of them")
    return text


def _rate(text: str) -> float:
    return _number_in(0.1, 10_000_000, text)


def _positive(text: str) -> float:
    return _number_in(1e-6, 1e12, text)


def _seconds(text: str) -> float:
    return _number_in(1, 365 * 24 * 3600, text)


def _demo(arguments: argparse.Namespace, settings: Settings) -> int:
    from gateway.demo import run_demo

    return run_demo(settings, port=arguments.port, fresh=arguments.fresh, simulated=not arguments.no_simulator)


def _gateway(arguments: argparse.Namespace, settings: Settings) -> int:
    gc.disable()  # looking for garbage among what is imported is a seventh of the start; the server enables it again
    from aws.secrets import filled
    from gateway.premises import demand_free_port, open_data_dir
    from gateway.server import serve_gateway

    open_data_dir(settings)
    demand_free_port(settings.host, settings.port, "BELFRY_PORT")
    workers = settings.workers if arguments.workers is None else arguments.workers
    return serve_gateway(msgspec.structs.replace(filled(settings), workers=workers))


def _service(arguments: argparse.Namespace, settings: Settings) -> int:
    from gateway.premises import demand_free_port, open_data_dir

    open_data_dir(settings)
    port = getattr(settings, f"{arguments.name}_port")
    demand_free_port(settings.host, port, f"BELFRY_{arguments.name.upper()}_PORT")
    command = [sys.executable, "-m", f"services.{arguments.name}"]
    os.execv(command[0], command)  # noqa: S606 - the command is ours: no service is ever imported here


def _replay(arguments: argparse.Namespace, settings: Settings) -> int:
    from aws.secrets import filled
    from gateway.replaying import run_replay

    return run_replay(
        filled(settings), arguments.file, arguments.format, rate=arguments.rate, restart=arguments.restart
    )


def _token(arguments: argparse.Namespace, settings: Settings) -> int:
    from gateway.demo_issuer import DEMO_SCOPES, TOKEN_LIFETIME_S, DemoIssuer
    from gateway.premises import open_data_dir
    from producers.demo_customers import FIRST_CUSTOMER_ID

    if settings.issuer:
        raise BadSetting("BELFRY_ISSUER is set: its tokens come from there; only the demo issuer's are made here.")
    open_data_dir(settings)
    issuer = DemoIssuer.open(settings.data_dir, audience=settings.audience)
    customer_id = arguments.customer or FIRST_CUSTOMER_ID
    scopes, lifetime_s = arguments.scope or DEMO_SCOPES, arguments.lifetime or TOKEN_LIFETIME_S
    print(issuer.mint_token(customer_id, scopes, lifetime_s, device_id=arguments.device))
    return ExitCode.DONE


def _operations(arguments: argparse.Namespace, settings: Settings) -> int:
    from gateway import operations_command as command
    from gateway.operations_manifest import BadManifest

    manifest = arguments.manifest or Path(settings.documents_manifest or "operations.json")
    if arguments.action == "build":
        built = command.build(arguments.folder or command.OPERATIONS_DIR, manifest)
        print("\n".join(command.operation_lines(built)))
        return ExitCode.DONE
    if arguments.action == "sign":
        by_kms = arguments.kms is not None
        print(command.sign_by_kms(manifest, arguments.kms) if by_kms else command.sign(manifest, os.environ))
        return ExitCode.DONE
    key = arguments.key or settings.documents_key
    if not key:
        raise BadSetting("BELFRY_DOCUMENTS_KEY or --key is needed: the public key that `operations sign` printed.")
    try:
        print("\n".join(command.operation_lines(command.verify(manifest, key))))
    except BadManifest as error:
        return _complain(error, ExitCode.FAILED)
    return ExitCode.DONE


def _audit(arguments: argparse.Namespace, settings: Settings) -> int:
    from gateway.audit_files import AUDIT_FOLDER, BrokenChain
    from gateway.audit_verification import verify_audit

    try:
        chains = verify_audit(arguments.folder or settings.data_dir / AUDIT_FOLDER)
    except BrokenChain as error:
        return _complain(error, ExitCode.FAILED)
    for chain in chains:
        print(f"{chain.name}: {chain.records} records in {chain.segments} files, the last of {chain.last_at}")
        print(f"  its hash {chain.last_hash}")
    return ExitCode.DONE


def _capacity(arguments: argparse.Namespace, _: Settings) -> int:
    from rich.console import Console

    from gateway.capacity import read_load, read_per_core
    from gateway.capacity_report import print_capacity

    given = {name: value for name, value in vars(arguments).items() if value is not None}
    print_capacity(Console(), read_load(given), read_per_core(given))
    return ExitCode.DONE


def _schema(arguments: argparse.Namespace, _: Settings) -> int:
    from schema.build import build_schema

    printed = build_schema().as_str() + "\n"
    if arguments.action == "print":
        print(printed, end="")
        return ExitCode.DONE
    if SNAPSHOT.is_file() and SNAPSHOT.read_text(encoding="utf-8") == printed:
        print("schema/schema.graphql is the schema of this code")
        return ExitCode.DONE
    return _complain("the schema differs from schema/schema.graphql; `make schema` writes it anew", ExitCode.FAILED)


def _settings(arguments: argparse.Namespace, settings: Settings) -> int:
    from gateway.settings_pages import markdown_page, setting_lines

    print(markdown_page() if arguments.markdown else "\n".join(setting_lines(settings)))
    return ExitCode.DONE
