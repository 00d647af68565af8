"""The account service as a Lambda function: `services.accounts.function.handle`."""

from services.accounts.app import create_app
from services.functions import http_function

handle = http_function(create_app)
