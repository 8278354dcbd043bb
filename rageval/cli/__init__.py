"""The command line: one file a command, the app in `app`, the exit codes in `exit_codes`."""
