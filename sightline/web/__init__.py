"""The web process: pages, REST, Socket.IO, login. Never touches a pixel."""
