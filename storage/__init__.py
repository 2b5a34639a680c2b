"""The database: tables, the one writer, and what is asked of them. Takes only types, protocols and errors from the core."""
