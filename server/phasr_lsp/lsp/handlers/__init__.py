"""One file for each method or group of commands: parse, call the session, convert. None of them waits."""
