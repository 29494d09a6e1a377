"""The GraphQL server of the Telework portal for service providers."""
