"""The Starlette application: routes, middleware, GraphQL over HTTP, pages."""
