"""The downstream microservices, and the few modules they share: storage, log reading, the HTTP skeleton."""
