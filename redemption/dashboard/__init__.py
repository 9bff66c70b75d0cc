"""The first page of the staff side: figures of the own region, and what waits for this person."""
