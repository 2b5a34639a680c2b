"""The database: tables, the one writer, what is asked of them. Takes only types, protocols and errors of the core."""
