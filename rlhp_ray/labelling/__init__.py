"""People as teachers: the queue of queries, the server and its page."""
