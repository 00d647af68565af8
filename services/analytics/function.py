"""The analytics service as a Lambda function: `services.analytics.function.handle`."""

from services.analytics.app import create_app
from services.functions import http_function

handle = http_function(create_app)
