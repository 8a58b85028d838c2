"""From YAML text to the desired state: parsing with marks, schemas, cross-checks, workspace."""
