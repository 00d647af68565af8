"""The account service as a Lambda function: `services.accounts.function.handle`."""

import os

from contracts.logs import configure_logs
from contracts.settings import read_settings
from services.accounts.app import create_app
from services.functions import http_function

_settings = read_settings(os.environ)
configure_logs(_settings.log_level)
handle = http_function(create_app(_settings))
