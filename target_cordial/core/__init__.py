"""The rules of membership: pure functions over plain values, without any I/O."""
