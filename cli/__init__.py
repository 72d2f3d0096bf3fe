"""The command line: parse, call the library once, print. No domain logic lives here."""
