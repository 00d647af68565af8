"""What feeds a Belfry: event client, replay of files, demo customers, live simulator. Imports `contracts` only."""
