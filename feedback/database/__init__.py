"""The database below the ORM: prepared statements, advisory locks, use from an event loop."""
