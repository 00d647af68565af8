"""deploy/data.yaml deployed to the emulator, as `sam deploy` does on AWS: what the adapters use, by its outputs."""

import asyncio
from pathlib import Path

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

TEMPLATE = Path(__file__).parents[1] / "deploy" / "data.yaml"
DEPLOY_S_MAX = 60
SETTINGS = {
    "BELFRY_EVENT_STREAM": "EventStream",
    "BELFRY_STATE_TABLE": "StateTable",
    "BELFRY_ALERT_TABLE": "AlertTable",
    "BELFRY_ALERT_TOPIC": "AlertTopicArn",
    "BELFRY_DECISION_TABLE": "DecisionTable",
}
"""Which setting is told which output, as deploy/services.yaml and deploy/gateway.yaml do."""


async def deploy(stack: str, *, shards: int) -> dict[str, str]:
    """Create a stack of the template and return its outputs.

    Raises:
        WaiterError: it could not be created; the message says why.
    """
    # The emulator answers only once all is made.
    patient = AioConfig(read_timeout=DEPLOY_S_MAX, retries={"total_max_attempts": 1})
    async with get_session().create_client("cloudformation", config=patient) as client, asyncio.timeout(DEPLOY_S_MAX):
        await client.create_stack(
            StackName=stack,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": "Shards", "ParameterValue": str(shards)}],
        )
        await client.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        (made,) = (await client.describe_stacks(StackName=stack))["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
