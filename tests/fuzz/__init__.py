"""Whatever comes in, by the input or in an answer: a clean error or a counted skip."""
