"""Run the analytics service: `python -m services.analytics`."""

import os

from aws.secrets import filled
from contracts.settings import read_settings
from services.analytics.app import create_app
from services.service import serve

if __name__ == "__main__":
    settings = filled(read_settings(os.environ))
    app = create_app(settings)
    serve(app, settings, settings.analytics_port)
