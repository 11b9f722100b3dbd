"""What is shown at each address. Views read the store as the API does, and change nothing."""
