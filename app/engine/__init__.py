"""Fields declared as data, and the executors that read them. Knows GraphQL and SQL, no word of the domain."""
