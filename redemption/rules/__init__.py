"""Rules of redeeming and refunding as pure functions: no database, no clock."""
