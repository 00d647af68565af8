"""The event service as a Lambda function: `services.events.function.handle`."""

from services.events.app import create_app
from services.functions import http_function

handle = http_function(create_app)
