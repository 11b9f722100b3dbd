"""Chat: one grammar for all who type, who may do what, and what they are answered."""
