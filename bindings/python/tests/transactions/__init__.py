"""Events settled in the application's own transaction, by every driver."""
