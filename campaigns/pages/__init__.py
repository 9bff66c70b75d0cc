"""Public pages of a campaign: its rules for citizens, and the notes for cashiers."""
