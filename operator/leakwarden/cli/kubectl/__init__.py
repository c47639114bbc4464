"""The commands for people, as `kubectl leakwarden` has them: with their own credentials, namespaces and contexts."""
