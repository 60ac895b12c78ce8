"""Finding methods by name and checking what they declare; the scaffold for a new one."""
