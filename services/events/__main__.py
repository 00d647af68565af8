"""Run the event service: `python -m services.events`."""

import os

from contracts.settings import read_settings
from services.events.app import create_app
from services.service import serve

if __name__ == "__main__":
    settings = read_settings(os.environ)
    serve(create_app(settings), settings, settings.events_port)
