"""Run the account service: `python -m services.accounts`."""

import os

from aws.secrets import filled
from contracts.settings import read_settings
from services.accounts.app import create_app
from services.service import serve

if __name__ == "__main__":
    settings = filled(read_settings(os.environ))
    app = create_app(settings)
    serve(app, settings, settings.accounts_port)
