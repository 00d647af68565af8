"""The templates of deploy/ fit the code: settings that start, permissions without wildcards, timeouts."""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.settings import read_settings
from gateway.listeners import KEEP_ALIVE_S, WS_PING_S, WS_PONG_WAIT_S
from services.analytics import sns_push

DEPLOY = Path(__file__).parents[3] / "deploy"
STACKS = ("data", "network", "services", "gateway", "functions", "watch")
KNOW_NO_RESOURCE = {
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSnapshots", "ec2:DescribeSubnets", "ec2:DescribeVolumes",
    "ec2:UnassignPrivateIpAddresses", "ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint",
    "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
    "sqs:ListQueues", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}  # fmt: skip
"""Calls that AWS's service authorization reference gives no resource, or whose resource Lambda makes itself."""


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms: `!Ref x` as `{"Ref": "x"}`."""


def _short(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    raise AssertionError(f"!{tag} of a mapping")


_Loader.add_multi_constructor("!", _short)


@cache
def template(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.load((DEPLOY / f"{name}.yaml").read_text(), _Loader)  # noqa: S506 - a safe loader
    return read


def resources(name: str, kind: str) -> dict[str, dict[str, Any]]:
    found = template(name)["Resources"].items()
    return {logical: resource["Properties"] for logical, resource in found if resource["Type"] == kind}


def containers() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each container by name, with its task."""
    for stack in ("services", "gateway"):
        for task in resources(stack, "AWS::ECS::TaskDefinition").values():
            for container in task["ContainerDefinitions"]:
                yield container["Name"], container, task


STAND_FOR = {
    "BELFRY_TRUSTED_PROXIES": "10.0.0.0/16",
    "BELFRY_PUSH": "sns",
    "BELFRY_PUSH_APNS_APPLICATION": "arn:aws:sns:eu-central-1:000000000000:app/APNS/belfry",
    "BELFRY_PUSH_FCM_APPLICATION": "arn:aws:sns:eu-central-1:000000000000:app/GCM/belfry",
    "BELFRY_ARCHIVE": "s3://bucket/log",
    "BELFRY_HISTORY_DAYS": "400",
}


def _some_value(name: str, value: Any) -> str:
    """Return what a reference may stand for."""
    return value if isinstance(value, str) else STAND_FOR.get(name, "https://example.org/x" * 2)


def test_every_container_starts_with_its_settings() -> None:
    """The settings are known, complete and go together; secrets come from where secrets are."""
    seen = set()
    for name, container, _ in containers():
        given = {one["Name"]: _some_value(one["Name"], one["Value"]) for one in container["Environment"]}
        settings = read_settings(given)
        assert settings.service_token_secret, name
        assert bool(settings.cursor_keys_secret) == (name == "gateway"), name
        assert not given.keys() & {"BELFRY_SERVICE_TOKEN", "BELFRY_CURSOR_KEYS"}, name
        seen.add(name)
    assert seen == {"gateway", "events", "accounts", "analytics"}


def test_containers_may_write_nothing_but_their_data() -> None:
    """No root, no capabilities, a read-only file system with two folders in it."""
    for name, container, _ in containers():
        assert container["ReadonlyRootFilesystem"] is True, name
        assert container["User"] == "10001:10001", name
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}, name
        assert {point["ContainerPath"] for point in container["MountPoints"]} == {"/data", "/tmp"}, name  # noqa: S108


def statements(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for role, properties in resources(name, "AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield role, statement
    for policy in resources(name, "AWS::IAM::RolePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            yield policy["RoleName"]["Ref"], statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", STACKS)
def test_roles_have_no_wildcards(name: str) -> None:
    """No action by pattern; any resource only for calls that know none; a pattern only below a name of ours."""
    for role, statement in statements(name):
        actions = as_list(statement["Action"])
        assert not [action for action in actions if "*" in action], role
        for resource in as_list(statement["Resource"]):
            if resource == "*":
                assert set(actions) <= KNOW_NO_RESOURCE, (role, actions)
            elif isinstance(resource, dict) and "*" in str(resource):
                below = (
                    "belfry-alerts-*", "container-instance/${Cluster}/*", "::snapshot/*", ":instance/*",
                    "endpoint/${ApnsApplication}/*", "endpoint/${FcmApplication}/*", ":s3:::${ArchiveBucket}/log/*",
                )  # fmt: skip
                assert resource["Sub"].endswith(below), (role, resource)


def test_whoever_is_told_of_a_secret_may_read_it() -> None:
    """The container itself, as it reads it again for a rotation; and what starts it may not."""
    for stack in ("services", "gateway"):
        readers = {
            role: {str(one) for one in as_list(statement["Resource"])}
            for role, statement in statements(stack)
            if statement["Action"] == "secretsmanager:GetSecretValue"
        }
        for name, container, task in containers():
            if task not in resources(stack, "AWS::ECS::TaskDefinition").values():
                continue
            role = task["TaskRoleArn"]["GetAtt"].partition(".")[0]
            told = {str(one["Value"]) for one in container["Environment"] if one["Name"].endswith("_SECRET")}
            assert told == readers.pop(role), name
        assert readers == {}


def test_what_pushes_may_call_what_the_notifier_calls() -> None:
    """No more and no less, each platform application of its own; without one there is no permission and no pushing."""
    called = set(re.findall(r"self\._sns\.(\w+)", inspect.getsource(sns_push)))
    for name in ("Apns", "Fcm"):
        logical = template("services")["Resources"][f"{name}Pushes"]
        assert logical["Condition"] == f"Has{name}"
        allowed = {
            action: statement["Resource"]["Sub"].rpartition(":")[2]
            for statement in logical["Properties"]["PolicyDocument"]["Statement"]
            for action in as_list(statement["Action"])
        }
        assert {action.removeprefix("sns:") for action in allowed} == {
            "".join(part.title() for part in one.split("_")) for one in called
        }
        assert allowed.pop("sns:CreatePlatformEndpoint") == f"app/${{{name}Application}}"
        assert set(allowed.values()) == {f"endpoint/${{{name}Application}}/*"}
    (analytics,) = (one for name, one, _ in containers() if name == "analytics")
    given = {one["Name"]: one["Value"] for one in analytics["Environment"]}
    assert given["BELFRY_PUSH"] == {"If": ["Pushes", "sns", "off"]}


def test_a_machine_takes_only_its_own_disk() -> None:
    """Attaching is bound to the volume, and to machines that carry its name."""
    for role, statement in statements("services"):
        if any("instance/*" in str(one) and ":ec2:" in str(one) for one in as_list(statement["Resource"])):
            assert role == "MachineRole"
            assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/Takes": {"Ref": "Disk"}}}


def test_sockets_live_through_the_load_balancer() -> None:
    """It waits for longer than a ping and its pong take, and gives a connection up before the gateway does."""
    (balancer,) = resources("gateway", "AWS::ElasticLoadBalancingV2::LoadBalancer").values()
    attributes = {one["Key"]: one["Value"] for one in balancer["LoadBalancerAttributes"]}
    assert WS_PING_S + WS_PONG_WAIT_S < int(attributes["idle_timeout.timeout_seconds"]) < KEEP_ALIVE_S


def test_a_gateway_has_the_time_to_drain() -> None:
    """It is killed, and its sockets are cut by the balancer, only after it has closed them itself."""
    (container,) = (one for name, one, _ in containers() if name == "gateway")
    drain_s = float(next(one["Value"] for one in container["Environment"] if one["Name"] == "BELFRY_DRAIN_S"))
    assert drain_s + 10 <= container["StopTimeout"] <= 120
    for group in resources("gateway", "AWS::ElasticLoadBalancingV2::TargetGroup").values():
        attributes = {one["Key"]: one["Value"] for one in group["TargetGroupAttributes"]}
        assert drain_s < float(attributes["deregistration_delay.timeout_seconds"])


def test_no_service_ever_has_two_writers() -> None:
    """A deployment ends the old one first."""
    for service in resources("services", "AWS::ECS::Service").values():
        bounds = service["DeploymentConfiguration"]
        assert (service["DesiredCount"], bounds["MinimumHealthyPercent"], bounds["MaximumPercent"]) == (1, 0, 100)


def test_what_is_deployed_rolls_itself_back() -> None:
    """The gateway and each function: a part of the traffic first, alarms that undo it."""
    (gateway,) = resources("gateway", "AWS::ECS::Service").values()
    assert gateway["DeploymentConfiguration"]["Strategy"] == "CANARY"
    assert gateway["DeploymentConfiguration"]["Alarms"]["Rollback"] is True
    functions = resources("functions", "AWS::Serverless::Function")
    assert functions
    for function in functions.values():
        assert function["DeploymentPreference"]["Type"].startswith("Canary")
        assert function["DeploymentPreference"]["Alarms"]


def test_stacks_are_given_what_they_ask_for() -> None:
    """Every parameter without a default is passed on, and every output that is passed on exists."""
    for logical, properties in resources("template", "AWS::Serverless::Application").items():
        inner = template(properties["Location"].removesuffix(".yaml"))
        needed = {name for name, parameter in inner["Parameters"].items() if "Default" not in parameter}
        given = properties["Parameters"]
        assert needed <= given.keys() <= inner["Parameters"].keys(), logical
        for value in given.values():
            if found := re.fullmatch(r"(\w+)\.Outputs\.(\w+)", str(value.get("GetAtt", ""))):
                stack = resources("template", "AWS::Serverless::Application")[found[1]]["Location"]
                assert found[2] in template(stack.removesuffix(".yaml"))["Outputs"], (logical, found[0])


def test_alerts_expire_by_the_attribute_they_carry() -> None:
    """As the tables of the adapters' tests do; what is kept can be restored to any second."""
    tables = resources("data", "AWS::DynamoDB::Table")
    for name in ("AlertTable", "DecisionTable"):
        assert tables[name]["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    for table in tables.values():
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"]["KMSMasterKeyId"] == {"Ref": "Key"}


def test_the_archive_is_closed_and_never_out_of_reach() -> None:
    """Encrypted, versioned, over TLS, for nobody else; every class it moves to is read at once."""
    (bucket,) = resources("data", "AWS::S3::Bucket").values()
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Ref": "Key"}
    (policy,) = resources("data", "AWS::S3::BucketPolicy").values()
    (denied,) = policy["PolicyDocument"]["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert {one["StorageClass"] for one in rule["Transitions"]} <= {"STANDARD_IA", "GLACIER_IR"}
    assert "ExpirationInDays" not in rule


def test_whoever_archives_deletes_nothing() -> None:
    """The event service puts, reads and lists below its own prefix, which is that of its setting."""
    allowed = {
        action: statement for _, statement in statements("services") for action in as_list(statement["Action"])
        if action.startswith("s3:")
    }  # fmt: skip
    (setting,) = (
        one["Value"]["Sub"] for name, container, _ in containers() for one in container["Environment"]
        if one["Name"] == "BELFRY_ARCHIVE" and name == "events"
    )  # fmt: skip
    prefix = setting.removeprefix("s3://")
    assert set(allowed) == {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    assert allowed["s3:PutObject"]["Resource"]["Sub"].endswith(f":::{prefix}/*")
    assert allowed["s3:ListBucket"]["Condition"] == {"StringEquals": {"s3:prefix": f"{prefix.split('/')[1]}/"}}


def test_each_service_writes_its_own_decisions_alone() -> None:
    """One table has those of both: permission goes by the partition, which is named for the service."""
    found = {}
    for role, statement in statements("services"):
        if statement["Resource"] == {"Ref": "DecisionTableArn"}:
            assert statement["Condition"].keys() == {"ForAllValues:StringEquals"}
            found[role] = statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
    assert found == {"AccountsRole": ["accounts"], "AnalyticsRole": ["analytics"]}


def test_what_alarms_look_for_in_the_log_is_what_the_code_logs() -> None:
    """Each event that a filter names is logged somewhere."""
    root = DEPLOY.parent
    code = "".join(path.read_text() for name in ("services", "gateway") for path in (root / name).rglob("*.py"))
    patterns = [one["FilterPattern"] for one in resources("watch", "AWS::Logs::MetricFilter").values()]
    events = {event for pattern in patterns for event in re.findall(r'\$\.event = "([^"]+)"', pattern)}
    assert {"push failed", "push refused", "hand-off set aside"} <= events
    assert {event for event in events if f'("{event}"' not in code} == set()
