"""How the gateway speaks to the three services: one typed client each over httpx's transport interface."""
