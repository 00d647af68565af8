"""Cards and devices."""

import strawberry

from contracts import accounts
from resolvers import cards
from schema.enums import CardStatus, DevicePlatform, PushPlatform
from schema.nodes import Node
from schema.references import AccountRef
from schema.scalars import Date, DateTime
from schema.views import field, node_id, view


@view(accounts.Card, description="A payment card.")
class Card(Node):
    node_id: strawberry.ID = node_id("Card")
    account: AccountRef | None = field("Account it draws on; null only when it could not be read.", each=cards.account)
    masked_pan: str = field("Card number with all but its last digits masked.")
    status: CardStatus = field("Whether it can be used.")
    expiry: Date = field("Last day it is valid.")


@view(accounts.Device, description="A phone or browser the customer uses the bank with.")
class Device(Node):
    node_id: strawberry.ID = node_id("Device")
    platform: DevicePlatform = field("What it runs.")
    name: str = field("The name the customer gave it.")
    last_seen_at: DateTime | None = field("When it last signed in; null when it never has.")
    trusted: bool = field("Whether the bank knows it well enough not to warn of its logins.")
    push_platform: PushPlatform | None = field(
        "Whose push service it gets alerts by; null while no push token is registered for it."
    )


@strawberry.input(description="A device to register.")
class DeviceInput:
    platform: DevicePlatform = strawberry.field(description="What it runs.")
    name: str = strawberry.field(description="A name for it, 1 to 80 characters.")


@strawberry.input(description="What a push service calls the app on a device; never shown again.")
class PushTokenInput:
    platform: PushPlatform = strawberry.field(description="Whose push service.")
    token: str = strawberry.field(
        description="The token: of APNS 32 to 400 hexadecimal digits, of FCM 32 to 2,048 characters."
    )
