"""Group commit: requests that arrive during one commit are written together by the next."""
