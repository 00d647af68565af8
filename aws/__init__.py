"""AWS as all of Belfry calls it: one factory of clients, one tree of failures; it knows no events and no alerts."""
