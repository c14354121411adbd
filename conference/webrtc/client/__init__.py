"""The headless peer: joins a room as a browser does, without one."""
