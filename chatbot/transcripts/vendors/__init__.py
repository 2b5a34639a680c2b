"""One module a vendor: `matches(record)` recognises its records, `read(record, context)` makes a transcript of one."""
