"""What an administrator runs the tracker by: what it says of its own state, and what is wrong."""
