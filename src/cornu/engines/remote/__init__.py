"""What engines share whose library runs in a worker process, under a Python of its own."""
