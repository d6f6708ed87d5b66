"""One typed, frozen configuration; YAML maps onto it one to one."""
