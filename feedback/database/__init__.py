"""The database below the ORM: prepared statements, locks, SQL files, use from an event loop."""
