"""What a handful of seeds says, and how surely."""
