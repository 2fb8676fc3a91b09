"""What was done for a group on purpose, and whether it helped."""
