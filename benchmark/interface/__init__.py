"""What a method implements and receives. Names no implementation."""
